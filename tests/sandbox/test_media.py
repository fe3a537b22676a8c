"""The four calls of the media API (section 8), and messages with uploaded files."""

import hashlib

import pytest

from gateway_sandbox.media import UPLOAD_LIMIT, MediaStore

PHONE = "+491713920001"
HEADERS = {"Authorization": "Bearer sandbox-token"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) + b"\r\n--not-a-boundary\r\n"
STILL = b"RIFF\0\0\0\0WEBPVP8 " + bytes(20)
MOVING = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(20)
MEGA = 1024 * 1024


async def upload(
    world,
    content=PNG,
    mime="image/png",
    name="bild.png",
    number="100000000000001",
    data=None,
):
    data = {"messaging_product": "whatsapp", "type": mime} if data is None else data
    return await world.client.post(
        f"/v25.0/{number}/media",
        data=data,
        files={"file": (name, content, mime)},
        headers=HEADERS,
    )


async def test_upload_locate_download_delete(start, clock):
    world = await start(webhook=False, now=clock)
    answer = await upload(world)
    assert answer.status_code == 200, answer.text
    id = answer.json()["id"]
    assert answer.json() == {"id": id}
    located = (await world.call("GET", id, phone_number_id="100000000000001")).json()
    url = located.pop("url")
    assert located == {
        "messaging_product": "whatsapp",
        "mime_type": "image/png",
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "file_size": len(PNG),
        "id": id,
    }
    assert url.startswith(world.sandbox.url)
    content = await world.client.get(url, headers=HEADERS)
    assert (content.status_code, content.content) == (200, PNG)
    assert content.headers["content-type"] == "image/png"
    deleted = await world.call("DELETE", id)
    assert deleted.json() == {"success": True}
    for gone in (await world.call("GET", id), await world.call("DELETE", id)):
        error = gone.json()["error"]
        assert (gone.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)
    assert (await world.client.get(url, headers=HEADERS)).status_code == 404


async def test_an_address_needs_the_token_and_lives_five_minutes(start, clock):
    world = await start(webhook=False, now=clock)
    id = (await upload(world)).json()["id"]
    url = (await world.call("GET", id)).json()["url"]
    assert (await world.client.get(url)).json()["error"]["code"] == 2500
    wrong = await world.client.get(url, headers={"Authorization": "Bearer x"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 190)
    for spoiled in (url.replace("ext=1", "ext=2"), url[:-1] + "g", url.replace(id, "5")):
        assert (await world.client.get(spoiled, headers=HEADERS)).status_code == 404
    clock.at += 299
    assert (await world.client.get(url, headers=HEADERS)).status_code == 200
    clock.at += 2
    assert (await world.client.get(url, headers=HEADERS)).status_code == 404
    again = (await world.call("GET", id)).json()["url"]
    assert (await world.client.get(again, headers=HEADERS)).content == PNG


@pytest.mark.parametrize(
    ("content", "mime", "code", "said"),
    [
        (b"x", "image/gif", 100, "image/gif"),
        (b"x", "application/x-msdownload", 100, "must be a file with one of"),
        (b"", "image/png", 131053, "empty"),
        (b"x" * (5 * MEGA + 1), "image/jpeg", 131053, "5242880"),
        (b"x" * (16 * MEGA + 1), "audio/aac", 131053, "16777216"),
        (b"x" * (UPLOAD_LIMIT + 1), "application/pdf", 131053, "20000000"),
        (STILL + bytes(100 * 1024), "image/webp", 131053, "102400"),
        (MOVING + bytes(500 * 1024), "image/webp", 131053, "512000"),
    ],
)
async def test_files_that_are_refused(start, content, mime, code, said):
    world = await start(webhook=False)
    answer = await upload(world, content, mime)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert said in error["error_data"]["details"]


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"x" * (5 * MEGA), "image/jpeg"),
        (b"x" * (16 * MEGA), "video/mp4"),
        (b"x" * UPLOAD_LIMIT, "application/pdf"),
        (MOVING + bytes(200 * 1024), "image/webp"),
        (b"x", "audio/ogg; codecs=opus"),
    ],
)
async def test_files_that_are_taken(start, content, mime):
    world = await start(webhook=False)
    assert (await upload(world, content, mime)).status_code == 200


async def test_a_body_beyond_everything_is_refused_in_the_shape_of_the_api(start):
    world = await start(webhook=False)
    answer = await upload(world, b"x" * (UPLOAD_LIMIT + 2 * MEGA), "application/pdf")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, 100)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"type": "image/png"}, 100),
        ({"messaging_product": "sms"}, 100),
        ({"messaging_product": "whatsapp"}, None),
        ({"messaging_product": "whatsapp", "type": "image"}, None),
    ],
)
async def test_fields_of_the_form(start, data, code):
    world = await start(webhook=False)
    answer = await upload(world, data=data)
    assert answer.json().get("error", {}).get("code") == code, answer.text


@pytest.mark.parametrize(
    ("field", "code"), [("image/png", None), ("", 131008), ("image", 100), (None, 131008)]
)
async def test_without_a_type_of_its_own_the_field_counts(start, field, code):
    parts = [
        b'Content-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp',
        b'Content-Disposition: form-data; name="file"; filename=x.png\r\n\r\nx',
    ]
    if field is not None:
        parts.append(b'Content-Disposition: form-data; name="type"\r\n\r\n' + field.encode())
    world = await start(webhook=False)
    answer = await world.client.post(
        "/v25.0/100000000000001/media",
        content=b"preamble" + b"".join(b"\r\n--b\r\n" + part for part in parts) + b"\r\n--b--\r\n",
        headers=HEADERS | {"Content-Type": 'multipart/form-data; boundary="b"'},
    )
    assert answer.json().get("error", {}).get("code") == code, answer.text


CUT = b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nimage/png'
MANY = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' * 30 + b"--b--"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", CUT),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--c--"),
        ("multipart/form-data; boundary=b", CUT),
        ("multipart/form-data; boundary=b", b"--b--"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", MANY),
    ],
)
async def test_what_is_no_form(start, kind, body):
    world = await start(webhook=False)
    answer = await world.client.post(
        "/v25.0/100000000000001/media", content=body, headers=HEADERS | {"Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize("seed", range(5))
async def test_forms_of_an_independent_writer(start, seed):
    """Whatever bytes are in a file come out as they went in, quoted names included."""
    content = bytes((n * 7 + seed) % 256 for n in range(1000)) + b"\r\n--" + b"\r\n" * seed
    world = await start(webhook=False)
    id = (await upload(world, content, name=f'a "{seed}" ü.png')).json()["id"]
    media = world.sandbox.state.media.get(id)
    assert media.content == content


def media_body(text, kind, payload):
    return text(PHONE, type=kind, text=None, **{kind: payload})


async def test_an_uploaded_file_is_sent_by_its_id(start, text, blog_post):
    world = await start(webhook=False)
    await world.sandbox.say(PHONE, "Hallo")
    id = (await upload(world)).json()["id"]
    image = media_body(text, "image", {"id": id, "caption": "Bild"})
    assert (await world.post(image)).status_code == 200
    header = {"type": "image", "image": {"id": id}}
    assert (await world.post(blog_post(name="blog_post_image", header=header))).status_code == 200
    lines = world.sandbox.received()
    assert [(line.media, line.media_type) for line in lines] == [(id, "image")] * 2
    for kind, payload, code in (
        ("document", {"id": id}, 131053),
        ("audio", {"id": id, "voice": True}, 131053),
        ("image", {"id": "5"}, 131009),
    ):
        answer = await world.post(media_body(text, kind, payload))
        assert answer.json()["error"]["code"] == code, answer.text
    for unknown in ({"id": "5"}, {"link": "ftp://a.example"}, {}):
        header = {"type": "image", "image": unknown}
        answer = await world.post(blog_post(name="blog_post_image", header=header))
        assert answer.json()["error"]["code"] in (131009, 100, 132012)


async def test_a_voice_message_is_ogg(start, text):
    world = await start(webhook=False)
    await world.sandbox.say(PHONE, "Hallo")
    mp3 = (await upload(world, b"x", "audio/mpeg")).json()["id"]
    ogg = (await upload(world, b"x", "audio/ogg")).json()["id"]
    codes = [
        (await world.post(media_body(text, "audio", {"id": id, "voice": voice}))).status_code
        for id, voice in ((mp3, True), (mp3, False), (ogg, True))
    ]
    assert codes == [400, 200, 200]


async def test_a_file_belongs_to_the_number_it_was_uploaded_for(start, text):
    numbers = ("100000000000001", "100000000000009")
    world = await start(webhook=False, phone_number_ids=numbers)
    id = (await upload(world, number=numbers[0])).json()["id"]
    for number in numbers:
        await world.sandbox.say(PHONE, "Hallo", phone_number_id=number)
    image = media_body(text, "image", {"id": id})
    assert [(await world.post(image, number=n)).status_code for n in numbers] == [200, 400]
    assert (await world.call("GET", id, phone_number_id=numbers[1])).status_code == 400


async def test_ids_live_thirty_days_or_seven(start, clock, text):
    world = await start(webhook=False, now=clock)
    mine = (await upload(world)).json()["id"]
    theirs = world.sandbox.state.media.put(PNG, "image/png", inbound=True)

    async def alive():
        return [(await world.call("GET", id)).status_code == 200 for id in (mine, theirs)]

    assert await alive() == [True, True]
    clock.at += 7 * 86_400
    assert await alive() == [True, False]
    clock.at += 23 * 86_400
    assert await alive() == [False, False]


def test_the_store_is_bounded():
    store = MediaStore(lambda: 0.0, "key", kept_bytes=100)
    ids = [store.put(bytes(30), "image/png") for _ in range(5)]
    assert [store.get(id) is not None for id in ids] == [False, False, True, True, True]
    large = store.put(bytes(500), "image/png")
    assert store.get(large) is not None, "the newest stays, whatever its size"
    assert store.get(ids[-1]) is None
    store.clear()
    assert store.get(large) is None
    assert int(store.put(b"x", "image/png")) > int(large)


async def test_what_the_client_cannot_do(start):
    world = await start(webhook=False)
    id = (await upload(world)).json()["id"]
    for method in ("POST", "PUT"):
        assert (await world.call(method, id, {})).json()["error"]["code"] == 100
