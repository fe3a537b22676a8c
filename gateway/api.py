"""All that a plugin may import from the core."""

from gateway import API_VERSION
from gateway.errors import ConfigError, DeliveryError, NotSent, Rejected, Unknown
from gateway.hookspecs import hookimpl
from gateway.http import FetchError
from gateway.inbound import AccountEvent, ConsentEvent, Event, Inbound, Intake, Person, Status
from gateway.message import (
    Basis,
    Button,
    Content,
    Delivery,
    Identity,
    Kind,
    Message,
    Permissions,
    Template,
    Text,
    Topic,
)
from gateway.plugin import (
    Context,
    Http,
    HttpResponse,
    Input,
    Middleware,
    Observer,
    Output,
    Plugin,
    PluginConfig,
)
from gateway.secret import Secret
from gateway.values import Duration, said, says
from gateway.verdicts import Closed, Drop, Hold, Limit, Quota, Rate

__all__ = [
    "API_VERSION",
    "AccountEvent",
    "Basis",
    "Button",
    "Closed",
    "ConfigError",
    "ConsentEvent",
    "Content",
    "Context",
    "Delivery",
    "DeliveryError",
    "Drop",
    "Duration",
    "Event",
    "FetchError",
    "Hold",
    "Http",
    "HttpResponse",
    "Identity",
    "Inbound",
    "Input",
    "Intake",
    "Kind",
    "Limit",
    "Message",
    "Middleware",
    "NotSent",
    "Observer",
    "Output",
    "Permissions",
    "Person",
    "Plugin",
    "PluginConfig",
    "Quota",
    "Rate",
    "Rejected",
    "Secret",
    "Status",
    "Template",
    "Text",
    "Topic",
    "Unknown",
    "hookimpl",
    "said",
    "says",
]
