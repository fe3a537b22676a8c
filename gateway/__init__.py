"""Message gateway: your blog, forms and CRM to WhatsApp, for people who said yes, provably.

Read message.py, plugin.py, pipeline.py and one middleware, and you know the house.
A file imports only from layers above its own:

    values    errors, ids, values, columns, secret, message, verdicts, inbound
    contract  plugin, hookspecs
    tools     clock, isolation, metrics, logs, wire, posting, http, web, systemd, lock
    store     protocol, writer, migrate, sqlite/
    work      consent, tables, discovery, document, sections, config, pipeline, limiter, attempt,
              delivery, fan_out, inbox, supervisor, observing, importing, figures, context
    whole     assembly, questions, operations, admin, daemon, foreground, cli/
              api: all that a plugin may import · testing: for plugin authors
"""

__version__ = "0.1.0"

API_VERSION = 1
"""Version of the plugin contract.  A plugin that needs another one is refused by name."""
