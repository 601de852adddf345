"""Pictures for goods without a photo: a calm drawing of what is sold, the same for the same seed."""

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from shop.ui.svg import FONT, words

_LEAVES: Final = ("#7fa05f", "#6d9468", "#8ea653", "#74995a")
# Sky, far hills, near hills, ground, sun: five quiet landscapes.
_SCENES: Final = (
    ("#f6ecdb", "#dfe3c8", "#cbd5b0", "#efe0c4", "#f3cfa0"),
    ("#eaf0ea", "#cfdfd2", "#b8ceb9", "#e9e2cd", "#f6e0b8"),
    ("#f7e9e1", "#ecd5c4", "#dcc3a8", "#f1e4cf", "#eeb98f"),
    ("#e9eff2", "#ccdbdf", "#b5c9c8", "#ece5d3", "#f5ddb0"),
    ("#f4eedc", "#e3ddb9", "#cfcb9b", "#efe3c8", "#f0c98a"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What is drawn: a motif in its colours, and the two or three characters of the seal."""

    motif: str
    seal: str
    main: str
    deep: str
    light: str


# The first row with a word in "category title" wins: what it is made into comes before what it is made of.
_LOOKS: Final[tuple[tuple[str, Look], ...]] = (
    ("套餐 礼包 慰问 大礼", Look("gift", "礼包", "#c65a3f", "#a3402a", "#f6dfae")),
    ("食用油", Look("oil", "粮油", "#e3aa35", "#7a5a2a", "#fbefc9")),
    ("蜂 蜂蜜", Look("jar", "蜂蜜", "#e5a52f", "#a8681c", "#fbe7b2")),
    ("膏 酱", Look("jar", "果膏", "#b7713a", "#8a5226", "#f3dcb8")),
    ("咖啡", Look("coffee", "咖啡", "#8a5a3b", "#5f3b25", "#d9b48f")),
    ("红茶 普洱", Look("tea", "茶叶", "#b5562c", "#7c3617", "#fffaf0")),
    ("苦荞茶 黄芪代用茶 代用茶", Look("tea", "茶饮", "#d9a441", "#94691d", "#fffaf0")),
    ("茶 毛尖 玉露 瓜片 翠芽", Look("tea", "茶叶", "#a9b95a", "#6e7d2e", "#fffaf0")),
    ("木耳", Look("wood_ear", "木耳", "#6b5750", "#4a3a36", "#a48d84")),
    ("竹荪", Look("mushroom", "菌菇", "#efe3c6", "#b39c6c", "#fbf6e6")),
    ("羊肚菌 香菇 花菇", Look("mushroom", "菌菇", "#a0714a", "#6f4a2c", "#f1e1c8")),
    ("菌 菇 松茸", Look("mushroom", "菌菇", "#c79a68", "#8c6537", "#f7ead2")),
    ("虾", Look("shrimp", "水产", "#d9694a", "#b24a30", "#fbd8c4")),
    ("水产 鱼", Look("fish", "水产", "#7fa3ad", "#557b86", "#d8e8ea")),
    ("肉制品", Look("meat", "肉干", "#a9553d", "#7f3826", "#f0d3bd")),
    ("肉", Look("meat", "鲜肉", "#c9584f", "#9a3d38", "#fae3d8")),
    ("核桃 坚果仁", Look("walnut", "坚果", "#c2935a", "#8a6132", "#f0d9b0")),
    ("栗", Look("chestnut", "坚果", "#8f4f2c", "#653418", "#e2bf93")),
    ("坚果", Look("walnut", "坚果", "#c2935a", "#8a6132", "#f0d9b0")),
    ("花椒 椒 调味", Look("pepper", "香料", "#b8402f", "#7c2419", "#f2b8a4")),
    ("枸杞", Look("berries", "药食", "#d6502f", "#a53519", "#f9c3ab")),
    ("枣", Look("berries", "干果", "#a63d2b", "#7b2719", "#e7a38d")),
    ("药 黄芪", Look("root", "药食", "#d8b77a", "#94703a", "#f4e4bf")),
    ("橙 桔 橘 柑 柚 柠檬", Look("citrus", "水果", "#ee9a38", "#c87420", "#fbdca8")),
    ("梨", Look("pear", "水果", "#dfc765", "#ad9236", "#f8efc2")),
    ("桃", Look("peach", "水果", "#f1ac7c", "#dd7650", "#fde3cd")),
    ("芒果", Look("mango", "水果", "#f0b23e", "#de7b35", "#fde6ad")),
    ("百香果", Look("passion", "水果", "#8d5578", "#663a56", "#cfa6c2")),
    ("丑苹果", Look("apple", "水果", "#d98a52", "#ac6230", "#f8d9b8")),
    ("苹果 水果 果蔬", Look("apple", "水果", "#cf4c3b", "#9e3126", "#f5b5a2")),
    ("挂面 粉丝 凉粉 薯粉 方便", Look("noodles", "面食", "#d3a95c", "#a5482f", "#f8ecd0")),
    ("面 糌粑 加工品", Look("sack", "面粉", "#e2cda4", "#a98a55", "#f5e9cd")),
    ("红米", Look("grain", "粮食", "#b5654d", "#7f3d2b", "#e9c3a8")),
    ("绿豆 蚕豆", Look("grain", "杂粮", "#8fa75a", "#63793a", "#d8e2b4")),
    ("大米 白莲", Look("grain", "粮食", "#fbf6e9", "#b9a57a", "#f3e3b5")),
    ("荞麦 藜麦 八宝 杂粮组合", Look("grain", "杂粮", "#b98a5e", "#7c5733", "#ecd3a9")),
    ("米 豆 麦 粮 谷", Look("grain", "杂粮", "#ecc35a", "#b58a2c", "#f8e5ae")),
    ("马铃薯 土豆 洋芋 薯", Look("potato", "蔬菜", "#d9b26f", "#a17d3f", "#f3dfb3")),
    ("莲藕 藕", Look("lotus", "蔬菜", "#efd9c3", "#bb9472", "#fbf1e4")),
    ("萝卜 蔬菜 菜", Look("radish", "蔬菜", "#f1efe2", "#b9b79a", "#ffffff")),
)
_OTHER: Final = Look("basket", "农品", "#d3a667", "#94692f", "#f3dfb9")


def product_picture(category: str, title: str, seed: int) -> str:
    """An SVG of 400 × 300 for a product; `seed` (any whole number) chooses the landscape and the lie of things."""
    look = look_of(category, title)
    dice = blake2b(str(seed).encode(), digest_size=8).digest()
    leaf = _LEAVES[dice[0] % len(_LEAVES)]
    shape = _motif(look.motif).format(main=look.main, deep=look.deep, light=look.light, leaf=leaf)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" width="400" height="300" role="img">'
        f"<title>{words(title)}</title>{_landscape(dice)}"
        f'<g transform="translate(200 164) rotate({dice[1] % 9 - 4})" stroke="#4b3b30" stroke-width="3.5"'
        f' stroke-linejoin="round" stroke-linecap="round">{shape}</g>{_seal(look.seal)}</svg>'
    )


def look_of(category: str, title: str) -> Look:
    """How a product is drawn, by the words of its category and title; a basket for what nobody foresaw."""
    said = f"{category} {title}"
    for keywords, look in _LOOKS:
        if any(keyword in said for keyword in keywords.split()):
            return look
    return _OTHER


@cache
def _motif(name: str) -> str:
    """A drawing around the origin, about 200 units across; {main}, {deep}, {light} and {leaf} stand for its colours."""
    return (Path(__file__).parent / "motifs" / f"{name}.svg").read_text()


def _landscape(dice: bytes) -> str:
    sky, far, near, ground, sun = _SCENES[dice[2] % len(_SCENES)]
    lift, tilt = dice[3] % 30, dice[4] % 24 - 12
    far_hills = f"M0 {190 - lift}C50 {140 - lift} 100 150 150 {170 - lift}S270 {130 - tilt} 400 {175 - lift}V300H0Z"
    near_hills = f"M0 {215 + tilt}C80 {185 - tilt} 150 {222 - lift} 230 {210 + tilt}S350 {190 - lift} 400 205V300H0Z"
    return (
        f'<rect width="400" height="300" fill="{sky}"/>'
        f'<circle cx="{60 + dice[5] % 70}" cy="{52 + lift}" r="26" fill="{sun}"/>'
        f'<path d="{far_hills}" fill="{far}"/><path d="{near_hills}" fill="{near}"/>'
        f'<path d="M0 246C120 236 280 236 400 246V300H0Z" fill="{ground}"/>'
        '<ellipse cx="200" cy="256" rx="112" ry="13" fill="#6b4f35" fill-opacity=".16"/>'
    )


def _seal(label: str) -> str:
    """A small red seal in the corner, read from top to bottom."""
    letters = "".join(
        f'<text x="366" y="{45 + 24 * place}" text-anchor="middle">{words(letter)}</text>'
        for place, letter in enumerate(label)
    )
    return (
        f'<rect x="349" y="18" width="34" height="{24 * len(label) + 14}" rx="6" fill="#a3341f" fill-opacity=".9"/>'
        f'<g font-family="{FONT}" font-size="21" font-weight="700" fill="#fbeeda">{letters}</g>'
    )
