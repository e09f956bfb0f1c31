"""The phrases of mail systems and automatic answers, as regular expressions, in the languages they write in.

None of them can take more than linear time: nothing in them repeats without a bound.
"""

from __future__ import annotations

import re


def any_of(*phrases: str, before: str = "", after: str = "") -> re.Pattern[str]:
    """A pattern for any of the phrases, large letters or small."""
    return re.compile(f"(?im){before}(?:{'|'.join(phrases)}){after}")


# In a From: who writes as a mail system.
MAIL_SYSTEM = any_of(
    r"(?:^|[<\s\"])(?:mailer-?daemon|mail-?daemon|mdaemon|mmdf|daemon)(?:[@>]|$)",
    r"(?:^|[<\s\"])(?:postmaster|postmeister|mail-?system)(?:[@>]|$)",
    r"(?:^|[<\s\"])microsoftexchange[0-9a-f]{6,}@",
    r"mail-?delivery-?(?:sub)?system",
    r"mail delivery (?:sub)?system",
    r"mail administrator",
)

# The beginning of a Subject: a mail system reports, or a person answers.
REPORT_SUBJECT = any_of(
    r"delivery (?:status )?(?:notification|failure|report|delayed|problem|unsuccessful|has failed)",
    r"(?:mail|message) (?:delivery|system) (?:has been )?(?:fail|error|problem|warning|delay)",
    r"message (?:undeliverable|not delivered|could not be delivered)",
    r"undeliver(?:able|ed)|nondeliverable|non-?deliver|could not (?:be delivered|deliver|send)|bounced?\b",
    r"returned (?:mail|to sender)|failure notice|warning: (?:could not send|message)",
    r"onbestelbaar|niet (?:bezorgd|afgeleverd|bestelbaar)|bezorging mislukt|kan niet worden bezorgd",
    r"unzustellbar|nicht zustellbar|zustell(?:ung|fehler|problem)|fehlgeschlagen|r.ckl.ufer",
    r"non[ -](?:remis|distribu|d.livr)|.chec de (?:la )?(?:remise|livraison)|retour de courrier|notification d.tat",
    before="^",
)
ANSWER_SUBJECT = any_of(r"re|aw|antw|antwort|betr|sv|r[ée]f?", before="^", after=r"[ \t]?(?:\[\d{1,4}\])?:")

# In a report: where the copy of the message begins.
COPY = any_of(
    r"-{2,9} (?:below this line is|this is) a copy of",
    r"[-|]{2,80}[ |]?(?:the (?:body|header) of the )?(?:original|returned|unsent|undelivered) message",
    r"[-|]{2,80}[ |]?message (?:header|text) follows",
    r"original[ -]message(?: headers?| follows)?:?[ \t]{0,9}$",
    r"(?:ursprüngliche nachricht|oorspronkelijk bericht|oorspronkelijke berichtkop)[a-z]{0,9}:?[ \t]{0,9}$",
    r"received: from ",
    r"return-path: ",
    before=r"^[ \t]{0,8}",
)

# In a report: it is late but still tried; or it is over.
DELAY = any_of(
    r"will (?:be (?:retried|tried again)|keep trying|retry|continue (?:to|for))",
    r"still (?:being )?(?:try|retri|in the queue)|not yet (?:been )?deliver",
    r"(?:has been|was|is) delayed|\bdelayed [0-9]{1,3} hours|temporary (?:problem|failure)|incomplete\b",
    r"warning message only|do not need to resend|no action is required",
    r"vertraagd|wordt opnieuw geprobeerd|verzögert|erneut versucht|retardé",
)
FINAL = any_of(r"permanent", r"(?<!non-)fatal", r"gave up", r"giv(?:en|ing) (?:it )?up", r"ha(?:ve|s) failed")

# Whose words they are; only said, nothing depends on it.
FORMS = {
    "qmail": any_of(r"this is the qmail-send program"),
    "exim": any_of(r"created automatically by mail delivery software"),
    "postfix": any_of(r"this is the (?:postfix program|mail system) at host"),
    "sendmail": any_of(r"the following addresses had", r"transcript of session follows"),
    "exchange": any_of(
        r"did not reach the following recipient",
        r"delivery has failed to these",
        r"generating server:",
        r"kan niet worden bezorgd bij",
        r"fehler bei der nachrichtenzustellung an",
        r".chec de la remise à",
    ),
    "gmail": any_of(r"technical details of (?:permanent|temporary) failure", r"\*\* ?(?:address not found|message )"),
    "smail": any_of(r"failed addresses follow"),
    "intermail": any_of(r"this message was undeliverable due to the following reason"),
    "domino": any_of(r"was not delivered to:"),
    "yahoo": any_of(r"sorry, we were unable to deliver your message"),
}

# What a server means: subject and detail of RFC 3463, the first that fits.
MEANINGS = {
    "7.1": any_of(
        r"spam|virus|\bblock(?:ed|list)|black ?list|\bpolicy\b|\b(?:dmarc|spf|dkim)\b|reputation",
        r"relay(?:ing)? (?:access )?denied|unable to relay|relaying",
        r"not (?:authorized|permitted|allowed)|access denied",
    ),
    "2.2": any_of(
        r"over ?quota|quota exceed|mailbox (?:is )?full|\bfull\b|insufficient (?:system )?storage|storage limit",
        r"exceeded (?:storage|its quota|the (?:space|storage))",
        r"postvak (?:is )?vol|postfach (?:ist )?voll|boîte.{0,40}pleine",
    ),
    "2.1": any_of(
        r"\b(?:mailbox|account|user|address) (?:is |has been )?(?:disabled|inactive|deactivated|suspended|locked)",
        r"account.{0,20}not active",
    ),
    "3.4": any_of(r"too (?:large|big|long)", r"size (?:limit|exceed)", r"(?:exceeds|maximum).{0,40}\bsize"),
    "4.6": any_of(r"too many hops", r"routing loop", r"mail loop", r"loops? back", r"hop count"),
    "1.2": any_of(
        r"host (?:or domain name )?(?:unknown|not found)|unknown (?:host|domain)|no such (?:host|domain)",
        r"domain (?:name )?not found|unrouteable (?:mail )?domain|name or service not known|no mail (?:host|server)",
        r"could(?:n.t| not) (?:find|be found).{0,60}\b(?:host|domain)",
        r"domain.{0,60}could(?:n.t| not) be found",
    ),
    "1.1": any_of(
        r"user.{0,20}unknown|unknown.{0,20}(?:user|recipient|mailbox|address)",
        r"no such (?:user|recipient|mailbox|person|address)|invalid (?:user|recipient|mailbox|address)",
        r"(?:user|recipient|mailbox|address|account).{0,60}(?:n.t exist|unavailable)",
        r"(?:user|recipient|mailbox|address|account).{0,60}not (?:be )?(?:found|exist|known|recognized|listed|local)",
        r"not listed in|not a (?:valid|known) (?:user|mailbox)|no mailbox|mailbox not|recipnotfound|not our customer",
        r"(?:was|could)(?:n.t| not) (?:be )?found|(?:does not|doesn.t) have an? .{0,40}account|unrouteable address",
        r"unbekannt|existiert nicht|nicht gefunden",
        r"onbekend|bestaat niet|niet gevonden",
        r"inconnu|n.existe pas|introuvable",
    ),
    "4.1": any_of(
        r"timed? ?out|retry timeout|no route to host|unreachable|no answer",
        r"connection (?:refused|reset|lost|dropped)",
        r"(?:could(?:n.t| not)|unable to|wasn.t able to) (?:establish|connect|contact)",
    ),
    "4.7": any_of(r"too old|too long in the queue|expired|delivery time|gave up|giving up|in the queue"),
}

# The beginning of a Subject: nobody is there.
AWAY = any_of(
    r"out[ -]of[ -](?:the[ -])?office|i.?m out of|away from (?:the|my) (?:office|mail)|on (?:holiday|vacation)",
    r"vacation\b|auto(?:matic)?[ -]?(?:reply|response)\b|auto ?: |autoreply|autoresponder",
    r"afwezig|automatische? (?:antwoord|beantwoording|reactie|bericht)|niet op kantoor|buiten kantoor",
    r"abwesen|automatische (?:antwort|r.ckantwort)|nicht im (?:b.ro|hause)",
    r"r.ponse automatique|message automatique|absen(?:t|ce)\b|je suis absent",
    r"respuesta autom|fuera de (?:la )?oficina|risposta automatica|fuori sede|autosvar|fr.nvaro",
    before="^",
)

# The beginning of a Subject: a program asks whether a person sent the mail.
CHALLENGE = any_of(
    r"please (?:confirm|verify) (?:your|that you|the|delivery)",
    r"(?:your )?(?:message|e?-?mail) (?:to .{0,80} )?(?:requires|needs|is awaiting|awaits) "
    r"(?:your )?(?:verification|confirmation|approval)",
    r"(?:verification|confirmation) required|sender (?:verification|confirmation)",
    r"\[?(?:spam ?arrest|boxbe|challenge)\b",
    r"bevestig (?:uw|je|dat u)|best.tigen sie|confirmez votre",
    before="^",
)
