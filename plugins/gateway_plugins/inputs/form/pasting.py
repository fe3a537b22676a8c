"""What the company pastes into its website, and the addresses that it enters in form tools."""

from __future__ import annotations

from gateway.api import ConfigError
from gateway_plugins.pages import escape

from .agreement import offered
from .settings import FormTable
from .site import Site

LABELS = {
    "de": {"phone": "Telefonnummer", "name": "Name", "mail": "E-Mail", "message": "Nachricht"},
    "en": {"phone": "Phone number", "name": "Name", "mail": "E-mail", "message": "Message"},
}
BUTTONS = {
    "de": {
        "newsletter": "Weiter zu WhatsApp",
        "callback": "Rückruf anfordern",
        "enquiry": "Senden",
    },
    "en": {"newsletter": "Continue to WhatsApp", "callback": "Ask for a call", "enquiry": "Send"},
}


def addresses(site: Site) -> list[dict[str, str]]:
    """Return the addresses of pages and forms: what, address, and a note."""
    base = _base(site)
    rows = [{"what": "sign-up page", "address": f"{base}/", "note": ""}]
    for name, form in site.config.forms.items():
        end = "/YOUR-KEY" if form.key is not None else ""
        note = "in place of YOUR-KEY the key of the settings, or as a Bearer token" if end else ""
        if form.secret is not None:
            note = f"signed with the secret of the settings ({form.profile})"
        rows.append(
            {"what": f"{name} ({form.tool})", "address": f"{base}/f/{name}{end}", "note": note}
        )
    return rows


def snippet(site: Site, name: str | None, language: str | None) -> str:
    """Return HTML to paste: plain, without a script, and nothing of it loads from elsewhere.

    Raises ConfigError if there is no such form, or it is posted by another tool.
    """
    spoken = site.texts.language(language)
    if name is None:
        title = site.texts.say("forms.title", spoken, company=site.context.company.name)
        return f'<a href="{escape(_base(site))}/?lang={spoken}">{escape(title)}</a>'
    form = site.config.forms.get(name)
    if form is None:
        known = ", ".join(site.config.forms) or "none"
        raise ConfigError(f"[inputs.{site.context.label}] has no form {name!r}; known: {known}")
    if form.tool != "html":
        raise ConfigError(f"{name} is posted by {form.tool}; build the form there")
    return "\n".join(_lines(site, name, form, spoken))


def _base(site: Site) -> str:
    context = site.context
    if not context.public_url:
        raise ConfigError("[server] public_url is missing, so there is no address to paste")
    return f"{context.public_url}/in/{context.label}"


def _lines(site: Site, at: str, form: FormTable, language: str) -> list[str]:
    words = LABELS.get(language, LABELS["en"])
    button = BUTTONS.get(language, BUTTONS["en"])[form.kind]
    check = site.texts.say("forms.check", language)
    by_number = (form.sign_up or site.config.sign_up) == "template"
    lines = [f'<form method="post" action="{escape(_base(site))}/f/{at}" accept-charset="utf-8">']
    wanted = {"newsletter": ("phone",) if by_number else (), "callback": ("name", "phone")}
    for field in wanted.get(form.kind, ("name", "mail", "phone", "message")):
        lines.append(f"  <p><label>{words[field]}<br>{_field(form, field)}</label></p>")
    if form.kind == "newsletter" and "topics" in form.fields:
        for topic in offered(site.context.topics, form.topics or site.config.topics):
            tick = f'<input type="checkbox" name="{_name(form, "topics")}" value="{escape(topic.name)}">'
            lines.append(f"  <p><label>{tick} {escape(topic.title)}</label></p>")
    if form.wording:
        name, yes = _name(form, "consent"), escape(form.accepted[0])
        tick = f'<input type="checkbox" name="{name}" value="{yes}" required>'
        lines.append(f"  <p><label>{tick} {escape(form.wording)}</label></p>")
    lines += [
        '  <p style="position:absolute;left:-9999px" aria-hidden="true"><label>'
        f'{escape(check)}<input name="{escape(site.config.honeypot)}" tabindex="-1"'
        ' autocomplete="off"></label></p>',
        f'  <input type="hidden" name="lang" value="{escape(language)}">',
        f"  <button>{button}</button>",
        "</form>",
    ]
    return lines


def _name(form: FormTable, field: str) -> str:
    return escape(form.names(field)[0])


def _field(form: FormTable, field: str) -> str:
    name, needed = _name(form, field), " required" if field in ("phone", "message") else ""
    needed = "" if form.kind == "enquiry" and field == "phone" else needed
    if field == "message":
        return f'<textarea name="{name}" rows="5" maxlength="4000"{needed}></textarea>'
    kind = {"phone": "tel", "mail": "email"}.get(field, "text")
    auto = {"phone": "tel", "mail": "email"}.get(field, "name")
    return f'<input type="{kind}" name="{name}" autocomplete="{auto}" maxlength="200"{needed}>'
