"""Message gateway: your blog, forms and CRM to WhatsApp, for people who said yes, provably.

Read message.py, plugin.py, pipeline.py and one middleware, and you know the house.
A file imports only from layers above its own:

    values    message, verdicts, inbound, errors, secret, ids
    contract  plugin, hookspecs
    tools     isolation, metrics, logs, http, web, systemd
    store     protocol, writer, migrate, sqlite/
    work      consent, discovery, config, pipeline, fan_out, limiter, delivery, inbox, supervisor
    whole     operations, assembly, daemon, cli/ · api: all that a plugin may import · testing
"""

__version__ = "0.1.0"

API_VERSION = 1
"""Version of the plugin contract.  A plugin that needs another one is refused by name."""
