"""The same library manages templates, numbers and the account, and sends marketing."""

from functools import partial

from pywa import errors
from pywa.types.templates import (
    BodyText,
    ParamFormat,
    Template,
    TemplateCategory,
    TemplateLanguage,
)

from tests.sandbox.client_library import ACCOUNT, NUMBER, call, library, refused

PHONE = "+491713920001"
FIELDS = {"title": "Wärme", "teaser": "Neun Fragen.", "link": "https://blog.example/1"}


async def test_the_management_calls(start, nursery):
    async with library(start, nursery) as used:
        client = used.client
        template = Template(
            name="order",
            category=TemplateCategory.UTILITY,
            language=TemplateLanguage.GERMAN,
            parameter_format=ParamFormat.NAMED,
            components=[BodyText("Ihre Bestellung {{number}} ist da.", number="7")],
        )
        created = await call(client.create_template, template)
        details = await call(client.get_template, created.id)
        assert (details.name, details.status.value) == ("order", "APPROVED")
        listed = await call(client.get_templates)
        assert "order" in {one.name for one in listed}
        sent = partial(
            client.send_template,
            PHONE,
            "order",
            TemplateLanguage.GERMAN,
            [BodyText.params(number="8")],
        )
        await call(sent)
        assert used.world.sandbox.received()[0].text == "Ihre Bestellung 8 ist da."
        assert (await call(partial(client.delete_template, "order"))).success
        assert isinstance(await refused(sent), errors.TemplateNotExists)
        number = await call(client.get_business_phone_number)
        assert (number.id, number.quality_rating) == (NUMBER, "GREEN")
        account = await call(client.get_business_account)
        assert account.id == ACCOUNT
        assert (await call(client.get_business_profile)).about is None
        assert (await call(partial(client.update_business_profile, about="Blog"))).success
        await used.world.sandbox.say(PHONE, "Hallo")
        blocked = await call(partial(client.block_users, [PHONE, "+491713920002"]))
        assert [user.wa_id for user in blocked.added_users] == [PHONE[1:]]
        assert [user.errors[0].code for user in blocked.failed_users] == [131047]
        unblocked = await call(partial(client.unblock_users, [PHONE]))
        assert len(unblocked.removed_users) == 1


async def test_the_marketing_messages_api(start, nursery):
    async with library(start, nursery, register=True) as used:
        await call(
            partial(
                used.client.send_template,
                PHONE,
                name="blog_post",
                language=TemplateLanguage.GERMAN,
                params=[BodyText.params(**FIELDS)],
                use_mm_lite_api=True,
            )
        )
        (line,) = used.world.sandbox.received()
        assert (line.marketing_edge, line.category) == (True, "MARKETING")
        found = await used.handed(used.statuses, 3)
        prices = [status.pricing.category.value for status in found if status.pricing]
        assert prices == ["marketing_lite"] * len(prices)
        assert len(prices) == 2
