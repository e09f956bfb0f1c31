# A Postfix of its own in a folder of its own, on no port: the page's main.cf, one message, and the log.
# In the working directory: main.cf, relay_password, invoice.sh, invoice.eml. 0 when all three recipients were sent to.
set -eu
folder=$(mktemp -d)
chmod 755 "$folder"
mkdir "$folder/queue" "$folder/data"
chown postfix "$folder/data"
sed "s,/etc/postfix,$folder," main.cf >"$folder/main.cf"
cp relay_password "$folder/"
cp /etc/postfix/master.cf.proto "$folder/master.cf"
cat >>"$folder/main.cf" <<END
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
maillog_file = $folder/log
maillog_file_prefixes = $folder
myhostname = app.bakker.example
alias_maps =
alias_database =
inet_protocols = ipv4
smtp_host_lookup = native
END
postconf -c "$folder" -MX smtp/inet
postconf -c "$folder" -F '*/*/chroot=n'
touch "$folder/log"
ended() {
  postfix -c "$folder" stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap ended EXIT
postfix -c "$folder" start 2>/dev/null
MAIL_CONFIG=$folder sh invoice.sh
tries=0
while [ "$(grep -c 'status=' "$folder/log")" -lt 3 ] && [ "$tries" -lt 200 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
cat "$folder/log"
[ "$(grep -c 'status=sent' "$folder/log")" -eq 3 ]
