"""What the shop says: one literal table, Chinese first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shop.core import clock
from shop.core.keys import Keys
from shop.messages.secret import code_of, token_of
from shop.ui.i18n import Lang

OPENS: Final = "opens"
"""The fact that names the row whose secret is told: `{link}` or `{code}`."""


@dataclass(frozen=True, slots=True)
class Words:
    """{shop}: our address, {when}: the moment it was said. A message without a subject can only go by SMS."""

    text: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """link: the page that `{link}` opens, with its `{token}`."""

    zh: Words
    en: Words
    link: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    subject: str
    text: str


_NOT_YOU_ZH: Final = "不是您本人操作的话，请马上用“忘记密码”重设（{shop}/sign-in/forgot），并联系本单位管理员。"
_NOT_YOU_EN: Final = (
    "If it was not you, set a new password at once ({shop}/sign-in/forgot) and tell your unit's administrator."
)
TEMPLATES: Final[Mapping[str, Template]] = {
    "email_verify": Template(
        zh=Words(
            subject="请确认这个邮箱 · 帮扶商城",
            text=(
                "您好：\n\n有人（应该是您）在帮扶商城填写了这个邮箱。请打开下面的链接确认，七天内有效；"
                "确认以后就可以用它登录。\n\n{link}\n\n不是您填写的话，不用理会，什么都不会发生。\n"
            ),
        ),
        en=Words(
            subject="Please confirm this address · Bangfu",
            text=(
                "Hello,\n\nsomebody (you, we think) gave this address to the shop Bangfu. Open this link within seven "
                "days to confirm it; afterwards you can sign in with it.\n\n{link}\n\nIf it was not you, do nothing: "
                "nothing will happen.\n"
            ),
        ),
        link="/sign-in/verify/{token}",
    ),
    "email_taken": Template(
        zh=Words(
            subject="这个邮箱已经有账号 · 帮扶商城",
            text=(
                "您好：\n\n有人（也许是您）想把这个邮箱用在另一个账号上，可是它已经是一个账号的登录名，"
                "所以没有改动。\n\n是您的话，请用它登录：{shop}/sign-in ；忘记密码：{shop}/sign-in/forgot 。\n"
                "不是您的话，不用理会。\n"
            ),
        ),
        en=Words(
            subject="This address has an account already · Bangfu",
            text=(
                "Hello,\n\nsomebody (you, perhaps) wanted this address for another account, but it is the name of an "
                "account already, so nothing was changed.\n\nIf it was you, sign in with it: {shop}/sign-in ; forgot "
                "the password? {shop}/sign-in/forgot\nIf it was not you, do nothing.\n"
            ),
        ),
    ),
    "email_change_asked": Template(
        zh=Words(
            subject="有人申请更换您的登录邮箱 · 帮扶商城",
            text=(
                "您好：\n\n{when}，您的账号申请把登录邮箱换成 {new} 。在新邮箱里确认以前，登录仍用这个邮箱。\n\n"
                + _NOT_YOU_ZH
                + "\n"
            ),
        ),
        en=Words(
            subject="Your sign-in address may change · Bangfu",
            text=(
                "Hello,\n\non {when} your account asked to be signed in to with {new}. Until that is confirmed there, "
                "this address stays.\n\n" + _NOT_YOU_EN + "\n"
            ),
        ),
    ),
    "password_changed": Template(
        zh=Words(
            subject="您的密码已修改 · 帮扶商城",
            text="您好：\n\n{when}，您的账号换了密码，其他设备上的登录都已退出。\n\n" + _NOT_YOU_ZH + "\n",
        ),
        en=Words(
            subject="Your password was changed · Bangfu",
            text=(
                "Hello,\n\non {when} your account got a new password; everybody who was signed in elsewhere is signed "
                "out.\n\n" + _NOT_YOU_EN + "\n"
            ),
        ),
    ),
    "password_reset": Template(
        zh=Words(
            subject="重设密码 · 帮扶商城",
            text=(
                "您好：\n\n有人（应该是您）要求重设帮扶商城的密码。请在三十分钟内打开下面的链接设置新密码，"
                "链接只能用一次。\n\n{link}\n\n不是您要求的话，不用理会，密码不会改变。\n"
            ),
        ),
        en=Words(
            subject="Set a new password · Bangfu",
            text=(
                "Hello,\n\nsomebody (you, we think) asked for a new password of the shop Bangfu. Open this link within "
                "thirty minutes; it works once.\n\n{link}\n\nIf it was not you, do nothing: the password stays.\n"
            ),
        ),
        link="/sign-in/reset/{token}",
    ),
    "password_voided": Template(
        zh=Words(
            subject="请设置新密码 · 帮扶商城",
            text=(
                "您好：\n\n{when}，两位管理员停用了您的旧密码。请在三十分钟内打开下面的链接设置新密码；"
                "过了时间，可以在 {shop}/sign-in/forgot 再要一个。\n\n{link}\n"
            ),
        ),
        en=Words(
            subject="Please set a new password · Bangfu",
            text=(
                "Hello,\n\non {when} two administrators made your old password void. Open this link within thirty "
                "minutes to set a new one; afterwards ask for another at {shop}/sign-in/forgot .\n\n{link}\n"
            ),
        ),
        link="/sign-in/reset/{token}",
    ),
    "phone_code": Template(
        zh=Words("【帮扶商城】验证码 {code}，十分钟内有效。请不要告诉任何人。"),
        en=Words("[Bangfu] Your code is {code}, valid for ten minutes. Tell it to nobody."),
    ),
}


def composed(
    template: str, lang: Lang, facts: Mapping[str, Any], *, created_at: datetime, keys: Keys | None, public_url: str
) -> Composed:
    """Raises KeyError on a template or a fact that is missing. keys: None to see only that nothing is."""
    known = TEMPLATES[template]
    said = {**facts, "shop": public_url.rstrip("/"), "when": _moment(created_at)}
    if OPENS in facts:
        opens = UUID(facts[OPENS])
        said["code"] = code_of(keys, opens) if keys else ""
        said["link"] = said["shop"] + known.link.format(token=token_of(keys, opens) if keys else "")
    words = known.en if lang == "en" else known.zh
    return Composed(words.subject.format_map(said), words.text.format_map(said))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M} (UTC+8)"
