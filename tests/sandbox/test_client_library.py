"""A published client library sends, uploads and listens, unchanged: pywa."""

import time
from functools import partial

from pywa import errors, types
from pywa.types.templates import BodyText, HeaderImage, QuickReplyButton, TemplateLanguage

from tests.sandbox.client_library import ACCOUNT, call, library, refused

PHONE = "+491713920001"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
FIELDS = {"title": "Wärme", "teaser": "Neun Fragen.", "link": "https://blog.example/1"}


async def test_it_registers_its_callback_by_itself(start, nursery):
    async with library(start, nursery, register=True) as used:
        assert used.world.sandbox.state.account.override == used.address
        assert (await used.world.sandbox.say(PHONE, "Hallo")).status == 200


async def test_it_refuses_a_wrong_verify_token(start, nursery):
    async with library(start, nursery) as used:
        register = partial(
            used.client.api.set_waba_alternate_callback_url,
            ACCOUNT,
            override_callback_uri=used.address,
            verify_token="something else",
        )
        problem = await refused(register)
        assert (problem.code, "verify token" in problem.details) == (2200, True)
        assert used.world.sandbox.state.account.override is None


async def test_text_there_and_back(start, nursery):
    async with library(start, nursery, register=True) as used:
        early = await refused(partial(used.client.send_text, PHONE, "Hallo"))
        assert isinstance(early, errors.ReEngagementMessage)
        said = await used.world.sandbox.say(PHONE, "Guten Tag ✓ <b>@</b>/%")
        assert said.status == 200, "the library checked the signature and answered"
        (message,) = await used.handed(used.messages, 1)
        assert (message.text, message.id) == ("Guten Tag ✓ <b>@</b>/%", said.wamid)
        assert message.from_user.wa_id == PHONE[1:]
        assert await call(message.mark_as_read)
        sent = await call(partial(used.client.send_text, PHONE, "Antwort", tracker="out:1"))
        assert (sent.input, sent.chat.id) == (PHONE, PHONE[1:])
        found = await used.handed(used.statuses, 3)
        assert {status.status.value for status in found} == {"sent", "delivered", "read"}
        assert {(status.id, status.tracker) for status in found} == {(sent.id, "out:1")}
        (line,) = used.world.sandbox.received()
        assert (line.wamid, line.text, line.callback_data) == (sent.id, "Antwort", "out:1")


async def test_a_template_with_an_uploaded_picture_and_its_button(start, nursery):
    async with library(start, nursery, register=True) as used:
        media = await call(
            partial(used.client.upload_media, PNG, mime_type="image/png", filename="bild.png")
        )
        params = [HeaderImage.params(image=media.id), BodyText.params(**FIELDS)]
        language = TemplateLanguage.GERMAN
        sent = await call(
            partial(
                used.client.send_template, PHONE, name="blog_post_image", language=language,
                params=[*params, QuickReplyButton.params(callback_data="STOP_BLOG", index=0)],
            )
        )  # fmt: skip
        assert sent.id
        (line,) = used.world.sandbox.received()
        assert (line.media, line.media_type) == (media.id, "image")
        assert line.buttons[0].payload == "STOP_BLOG"
        await used.world.sandbox.say(PHONE, button=("STOP_BLOG", "Abmelden"))
        (pressed,) = await used.handed(used.buttons, 1)
        assert (pressed.data, pressed.reply_to_message.id) == ("STOP_BLOG", sent.id)
        missing = partial(
            used.client.send_template,
            PHONE,
            name="blog_post_image",
            language=language,
            params=params[1:],
        )
        assert isinstance(await refused(missing), errors.TemplateParamFormatMismatch)


async def test_media_by_id(start, nursery):
    async with library(start, nursery) as used:
        await used.world.sandbox.say(PHONE, "Hallo")
        client = used.client
        media = await call(
            partial(client.upload_media, PNG, mime_type="image/png", filename="bild.png")
        )
        located = await call(client.get_media_url, media.id)
        assert (located.file_size, located.mime_type) == (len(PNG), "image/png")
        assert await call(partial(client.get_media_bytes, url=located.url)) == PNG
        await call(partial(client.send_image, PHONE, media.id, caption="Bild"))
        await call(
            partial(
                client.send_document,
                PHONE,
                b"%PDF-1.7",
                filename="a.pdf",
                mime_type="application/pdf",
            )
        )
        image, document = used.world.sandbox.received()
        assert (image.media, image.text) == (media.id, "Bild")
        assert used.world.sandbox.state.media.get(document.media).content == b"%PDF-1.7"
        assert document.filename == "a.pdf"
        assert (await call(client.delete_media, media.id)).success
        assert (await refused(partial(client.get_media_url, media.id))).subcode == 33


async def test_every_other_type(start, nursery):
    async with library(start, nursery, register=True) as used:
        client, sandbox = used.client, used.world.sandbox
        said = await sandbox.say(PHONE, "Hallo")
        ja = types.Button(title="Ja", callback_data="yes")
        rows = [types.SectionRow(title="Wärme", callback_data="a", description="Pumpen")]
        menu = types.SectionList("Themen", [types.Section(title="Haus", rows=rows)])
        for send in (
            partial(client.send_text, PHONE, "Wählen", buttons=[ja], footer="Abmelden: STOP"),
            partial(client.send_text, PHONE, "Wählen", buttons=menu),
            partial(
                client.send_text,
                PHONE,
                "Lesen",
                buttons=types.URLButton("Los", "https://a.example"),
            ),
            partial(client.send_location, PHONE, 52.5, 13.4, name="Haus", address="Weg 1"),
            partial(client.request_location, PHONE, "Wo sind Sie?"),
            partial(client.send_reaction, PHONE, "\U0001f44d", said.wamid),
            partial(
                client.send_contact,
                PHONE,
                types.Contact(
                    name=types.Contact.Name(formatted_name="Redaktion", first_name="Redaktion"),
                    phones=[types.Contact.Phone(phone="+49 171 3920002")],
                ),
            ),
        ):
            await call(send)
        shown = [(line.type, [b.kind for b in line.buttons]) for line in sandbox.received()]
        assert shown == [
            ("interactive", ["reply"]),
            ("interactive", ["list"]),
            ("interactive", ["url"]),
            ("location", []),
            ("interactive", ["location"]),
            ("reaction", []),
            ("contacts", []),
        ]


async def test_a_webhook_with_a_wrong_signature_is_refused_by_it(start, nursery):
    async with library(start, nursery, register=True) as used:
        used.world.sandbox.fault("bad_signature", how="wrong", times=1)
        said = await used.world.sandbox.say(PHONE, "Hallo")
        assert said.status == 403
        await used.world.sandbox.settled()  # repeated, now with the right one
        (message,) = await used.handed(used.messages, 1)
        assert message.text == "Hallo"
        assert time.time() - message.timestamp.timestamp() < 60
