"""A stand-in for Meta's WhatsApp Cloud API: sends, templates, webhooks, limits and faults.

In a test: `async with open_sandbox(Settings(token=…, app_secret=…)) as sandbox`, from
`gateway_sandbox.serve`.  On a shell: `gateway sandbox --help`.
"""
