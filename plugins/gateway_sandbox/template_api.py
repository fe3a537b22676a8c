"""Templates over the API: list, create, read, edit, delete, unpause (section 9.1)."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway_sandbox.definitions import check, check_parts
from gateway_sandbox.graph import GraphError, unknown_object
from gateway_sandbox.paging import page, select
from gateway_sandbox.templates import Template, Templates

Json = dict[str, Any]

_USUAL = ("name", "language", "status", "category", "components", "parameter_format", "id")
_EMPTY = (
    "correct_category",
    "cta_url_link_tracking_opted_out",
    "degrees_of_freedom_spec",
    "library_template_name",
    "message_send_ttl_seconds",
    "previous_category",
    "sub_category",
)
_NODE = "WhatsAppMessageTemplate"
_EDITABLE = ("APPROVED", "REJECTED", "PAUSED")
_EDITS = {"category", "components", "message_send_ttl_seconds", "parameter_format"}
_AT_ONCE = 100
_FILTERS = ("name", "status", "language", "category")


def list_templates(store: Templates, query: dict[str, str], base: str, limit: int) -> Json:
    """One page.  `query`: fields, summary, limit, after, and the filters; `base`: for `next`."""
    found = [
        template
        for template in store.all.values()
        if all(query.get(key) in (None, getattr(template, key)) for key in _FILTERS)
    ]
    shown = [show(template, query.get("fields")) for template in found]
    answer = page(shown, query, base)
    if "summary" in query:
        known = {
            "total_count": len(found),
            "message_template_count": len(store.all),
            "message_template_limit": limit,
            "are_translations_complete": True,
        }
        answer["summary"] = select(known, query["summary"], (), "MessageTemplateSummary")
    return answer


def show(template: Template, fields: str | None) -> Json:
    """`GET /{template_id}?fields=…`"""
    return select(template.show(), fields, _USUAL, _NODE, _EMPTY)


def create(store: Templates, definition: Json, limit: int) -> Json:
    """Submit a template; the answer's `status` is what the sandbox decides at once."""
    check(definition)
    name = definition["name"]
    if store.get(name, definition["language"]) is not None:
        raise GraphError(
            100, "There is already content in this language for this template.", subcode=2388024
        )
    if store.blocked(name):
        raise GraphError(100, f"The template {name} is being deleted.", subcode=2388023)
    if len(store.all) >= limit:
        raise GraphError(2388019, f"The account has {limit} templates, which is its limit.")
    template = store.add(definition)
    return {"id": template.id, "status": template.status, "category": template.category}


def edit(store: Templates, template: Template, changes: Json) -> Json:
    """`POST /{template_id}`: what is given replaces what was there, and is looked at again."""
    if template.status not in _EDITABLE:
        raise GraphError(100, f"A template that is {template.status} cannot be edited.")
    if not _EDITS & changes.keys():
        raise GraphError(100, message="(#100) The parameter components is required.")
    category = str(changes.get("category", template.category)).upper()
    if category != template.category and template.status == "APPROVED":
        raise GraphError(100, "The category of an approved template cannot be changed.")
    check_parts(
        {
            "category": template.category,
            "parameter_format": template.parameter_format,
            "components": template.components,
        }
        | {key: changes[key] for key in _EDITS & changes.keys()}
    )
    store.edit(template, changes)
    return {"success": True}


def delete(store: Templates, given: Json) -> Json:
    """`DELETE …/message_templates`: `name` takes all languages, with `hsm_id` one of them;
    `hsm_ids` takes up to 100 templates.  All or nothing."""
    if "hsm_ids" in given:
        store.remove([_by_id(store, id) for id in _ids(given["hsm_ids"])], whole_name=False)
        return {"success": True}
    name = given.get("name")
    if not isinstance(name, str) or not name:
        raise GraphError(100, message="(#100) The parameter name is required.")
    if "hsm_id" in given:
        template = _by_id(store, str(given["hsm_id"]))
        if template.name != name:
            raise GraphError(100, f"Param hsm_id is not a template with the name {name}.")
        store.remove([template], whole_name=False)
        return {"success": True}
    found = [template for template in store.all.values() if template.name == name]
    if not found:
        raise GraphError(100, f"There is no template {name}.", subcode=2593002)
    store.remove(found, whole_name=True)
    return {"success": True}


def unpause(template: Template) -> Json:
    """`POST /{template_id}/unpause`: for templates that pacing paused."""
    if template.status != "PAUSED":
        return {"success": False, "reason": f"The template is {template.status}."}
    template.status = "APPROVED"
    return {"success": True}


def _by_id(store: Templates, id: str) -> Template:
    template = store.by_id(id)
    if template is None:
        raise unknown_object("delete", id)
    return template


def _ids(given: object) -> list[str]:
    """`hsm_ids`: an array, or one as text."""
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError:
            given = str(given).split(",")
    if isinstance(given, int):
        given = [given]
    if not isinstance(given, list) or not 1 <= len(given) <= _AT_ONCE:
        raise GraphError(100, f"Param hsm_ids must be an array of 1 to {_AT_ONCE} ids.")
    return list(dict.fromkeys(str(id) for id in given))
