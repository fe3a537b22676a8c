"""Message gateway: your blog, forms and CRM to WhatsApp, for people who said yes, provably.

Read message.py, plugin.py, pipeline.py and one middleware, and you know the house.
A file imports only from layers above its own:

    values    errors, ids, linking, values, columns, secret, content, message, numbers, verdicts,
              news, inbound, stopping, consent_chain, consent_state
    contract  services, views, plans, given, plugin, hookspecs
    tools     clock, keys, replay, replay_file, merkle, heads, ledger, signing, texts, links,
              isolation, series, metrics, logs, wire, sockets, plain, posting, http, crowd, peer,
              web, systemd, lock
    store     protocol and its parts, states, writer, lanes, migrate, migrations/, sqlite/
    work      consent, phrases, near, words, tables, discovery, document, sections, duties,
              safety, pricing, month, config, pipeline, rates, quotas, limiter, senders, breaker,
              slowing, ending, consequences, probing, attempt, granting, delivery, fan_out,
              inbox, expiring, supervisor, observing, importing, figures, holding, living,
              storage_watch, time_watch, hearing, unknowns, watching, health, mailing,
              previewing, planning, stamping, proofs, proof_check, proof_words, paper,
              proof_page, dossier_page, proof_files, retaining, anchoring, answering, context
    whole     assembly, sharing, labels, compliance, questions, plugin_operations,
              plan_operations, ledger_operations, delivery_operations, case_operations,
              observer_operations, rights_operations, sender_operations, replacing, backup,
              operations, admin, foresight, background, daemon, foreground, api, fake_services,
              fakes, testing, cli/

api is all that a plugin may import, testing is for plugin authors.
"""

__version__ = "0.1.0"

API_VERSION = 1
"""Version of the plugin contract.  A plugin that needs another one is refused by name."""
