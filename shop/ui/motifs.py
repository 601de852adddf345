"""Hand-drawn shapes for product pictures: SVG fragments around the origin, about 200 units across.

{main}, {deep}, {light} and {leaf} are colours that the picture puts in; the outline is set by the group around them.
"""

from typing import Final

_LEAF: Final = '<path d="M6-56C20-84 52-86 68-74C54-52 26-46 6-56Z" fill="{leaf}"/><path d="M16-60C30-68 44-72 58-72" fill="none" stroke-width="2.5"/>'
_STEAM: Final = '<g fill="none" stroke="{light}" stroke-width="6"><path d="M-26-52C-36-64-16-74-26-90"/><path d="M6-52C-4-64 16-74 6-90"/></g>'
_EAR: Final = (
    '<path d="M70 82C76 30 74-20 66-56" fill="none" stroke="{deep}" stroke-width="4"/><g fill="{light}" stroke-width="2.5">'
    '<path d="M66-56C56-68 58-84 66-92C74-84 76-68 66-56Z"/>'
    '<path d="M68-38C52-44 46-58 48-70C62-66 70-54 68-38Z"/><path d="M70-38C84-46 90-58 88-70C74-66 68-54 70-38Z"/>'
    '<path d="M71-12C54-18 48-32 50-44C64-40 72-28 71-12Z"/><path d="M72-12C87-20 92-32 90-44C76-40 71-28 72-12Z"/></g>'
)

MOTIFS: Final[dict[str, str]] = {
    "apple": (
        '<path d="M0-36C-22-58-80-50-80 10C-80 58-44 90-18 85C-8 82 8 82 18 85C44 90 80 58 80 10C80-50 22-58 0-36Z" fill="{main}"/>'
        '<path d="M0-34C-2-54 2-68 12-80" fill="none" stroke-width="6"/><path d="M-18-38C-8-28 10-28 20-38" fill="none"/>'
        + _LEAF
        + '<path d="M-58 4C-58-14-48-26-36-30M-57 22l1 4" fill="none" stroke="{light}" stroke-width="8"/>'
    ),
    "citrus": (
        '<circle cx="-22" cy="2" r="66" fill="{main}"/><g transform="translate(-26 -6) scale(.9)">' + _LEAF + "</g>"
        '<path d="M-70-8C-68-26-58-38-46-44" fill="none" stroke="{light}" stroke-width="8"/>'
        '<g fill="{deep}" stroke="none"><circle cx="-40" cy="34" r="3"/><circle cx="-58" cy="22" r="3"/><circle cx="-26" cy="46" r="3"/></g>'
        '<circle cx="50" cy="44" r="46" fill="{main}"/><circle cx="50" cy="44" r="37" fill="#fff4dd" stroke="none"/>'
        '<g fill="{main}" stroke="none"><path d="M50 40 40 14a32 32 0 0 1 20 0Z"/><path d="M54 41 65 17a32 32 0 0 1 15 14Z"/>'
        '<path d="M56 45l26-8a32 32 0 0 1 0 20Z"/><path d="M54 48l24 10a32 32 0 0 1-15 14Z"/><path d="M50 50l10 25a32 32 0 0 1-20 0Z"/>'
        '<path d="M46 48 36 72a32 32 0 0 1-14-14Z"/><path d="M44 45 19 55a32 32 0 0 1-1-19Z"/><path d="M46 41 22 31a32 32 0 0 1 14-15Z"/></g>'
    ),
    "pear": (
        '<path d="M0-66C24-66 28-42 34-20C44 8 74 20 74 50C74 80 38 92 0 92C-38 92-74 80-74 50C-74 20-44 8-34-20C-28-42-24-66 0-66Z" fill="{main}"/>'
        '<path d="M0-66C0-80 4-90 12-98" fill="none" stroke-width="6"/><g transform="translate(2 -22) scale(.8)">' + _LEAF + "</g>"
        '<path d="M-54 48C-54 32-44 22-34 12" fill="none" stroke="{light}" stroke-width="8"/>'
        '<g fill="{deep}" stroke="none"><circle cx="30" cy="44" r="3"/><circle cx="44" cy="60" r="3"/><circle cx="22" cy="66" r="3"/></g>'
    ),
    "peach": (
        '<path d="M0-46C-40-74-86-36-80 14C-76 54-36 84 4 92C46 84 82 50 82 8C82-40 38-70 0-46Z" fill="{main}"/>'
        '<path d="M30 70C60 54 74 24 68-8C90 30 66 74 4 92Z" fill="{deep}" stroke="none" opacity=".55"/>'
        '<path d="M0-46C-20-14-16 26 6 56" fill="none"/><path d="M0-46C2-60 6-66 12-72" fill="none" stroke-width="6"/>'
        '<path d="M10-56C30-84 66-78 84-58C62-44 34-40 10-56Z" fill="{leaf}"/><path d="M-6-56C-26-78-56-76-70-62C-52-46-26-44-6-56Z" fill="{leaf}"/>'
        '<path d="M-60 6C-60-10-52-22-42-28" fill="none" stroke="{light}" stroke-width="8"/>'
    ),
    "mango": (
        '<path d="M-72 44C-88 0-52-58 8-66C62-72 94-28 78 16C64 58 10 86-28 80C-50 76-66 64-72 44Z" fill="{main}"/>'
        '<path d="M10 82C60 70 84 22 76-18C96 30 60 80 10 82Z" fill="{deep}" stroke="none" opacity=".6"/>'
        '<path d="M18-66C22-80 30-88 40-92" fill="none" stroke-width="6"/><g transform="translate(24 -22) scale(.85)">' + _LEAF + "</g>"
        '<path d="M-52 26C-54 4-40-18-22-30" fill="none" stroke="{light}" stroke-width="8"/>'
    ),
    "passion": (
        '<circle cx="-30" cy="-6" r="58" fill="{main}"/><path d="M-72-12C-70-28-62-38-50-44" fill="none" stroke="{light}" stroke-width="8"/>'
        '<path d="M-30-64C-30-74-26-80-20-86" fill="none" stroke-width="6"/><circle cx="44" cy="34" r="54" fill="{main}"/>'
        '<circle cx="44" cy="34" r="42" fill="#fff1d6" stroke="none"/><circle cx="44" cy="34" r="33" fill="#f0b63c" stroke="none"/>'
        '<g fill="#4b3b30" stroke="none"><ellipse cx="34" cy="22" rx="4" ry="6"/><ellipse cx="52" cy="18" rx="4" ry="6"/><ellipse cx="62" cy="34" rx="4" ry="6"/>'
        '<ellipse cx="44" cy="36" rx="4" ry="6"/><ellipse cx="28" cy="42" rx="4" ry="6"/><ellipse cx="52" cy="52" rx="4" ry="6"/></g>'
    ),
    "berries": (
        '<path d="M-70-70C-20-66 30-40 66 10M-30-60C-40-40-40-20-38-4M10-44C4-24 6 0 10 16M42-18C44 4 48 24 54 40" fill="none" stroke="{leaf}" stroke-width="5"/>'
        '<path d="M-66-70C-60-94-28-98-10-84C-24-66-48-60-66-70Z" fill="{leaf}"/><path d="M6-48C18-76 52-76 70-60C54-42 26-38 6-48Z" fill="{leaf}"/>'
        '<g fill="{main}"><ellipse cx="-38" cy="30" rx="26" ry="35"/><ellipse cx="12" cy="52" rx="26" ry="36"/><ellipse cx="58" cy="70" rx="22" ry="29"/></g>'
        '<g fill="none" stroke="{light}" stroke-width="6"><path d="M-52 24C-52 14-48 8-42 4"/><path d="M-2 46C-2 36 2 30 8 26"/><path d="M46 66C46 58 49 53 54 50"/></g>'
    ),
    "pepper": (
        '<path d="M-76 76C-40 40 0 10 64-70M-36 38C-50 20-54 2-54-16M-36 38C-14 40 6 46 22 58M14-14C2-30-2-46 2-64M14-14C34-12 52-6 68 6" fill="none" stroke="{leaf}" stroke-width="5"/>'
        '<path d="M64-70C52-94 66-104 84-96C90-80 80-68 64-70Z" fill="{leaf}"/><path d="M-14 12C-34 2-38-20-24-34C-6-24 0-4-14 12Z" fill="{leaf}"/>'
        '<path d="M-8 8C10 4 32 12 38 28C18 36 0 28-8 8Z" fill="{leaf}"/><g fill="{main}"><circle cx="-54" cy="-22" r="17"/><circle cx="-76" cy="2" r="15"/><circle cx="-32" cy="-46" r="14"/>'
        '<circle cx="28" cy="64" r="17"/><circle cx="58" cy="58" r="14"/><circle cx="2" cy="80" r="14"/><circle cx="2" cy="-70" r="16"/><circle cx="28" cy="-46" r="14"/><circle cx="74" cy="10" r="17"/><circle cx="86" cy="-20" r="13"/></g>'
        '<g fill="{deep}" stroke="none"><circle cx="-54" cy="-22" r="6"/><circle cx="28" cy="64" r="6"/><circle cx="2" cy="-70" r="6"/><circle cx="74" cy="10" r="6"/></g>'
    ),
    "walnut": (
        '<circle cx="-26" cy="-14" r="62" fill="{main}"/><path d="M-26-76C-40-40-12-10-26 48M-74-34C-60-30-50-40-46-50M-84-6C-66-10-54-4-48 8M-68 30C-58 20-50 22-44 30M20-50C4-48-4-38-6-26M34-4C16-8 6 2 2 14" fill="none" stroke="{deep}" stroke-width="5"/>'
        '<ellipse cx="48" cy="46" rx="48" ry="44" fill="{main}"/><ellipse cx="48" cy="46" rx="36" ry="32" fill="{light}"/>'
        '<path d="M48 14C44 34 52 58 48 78M22 34C32 30 36 40 32 48C26 56 30 64 38 66M74 34C64 30 60 40 64 48C70 56 66 64 58 66" fill="none" stroke="{deep}" stroke-width="5"/>'
    ),
    "chestnut": (
        '<path d="M-28-82C6-58 34-26 30 12C24 44-82 44-88 12C-90-26-62-58-28-82Z" fill="{main}"/><path d="M-88 10C-70-4 12-4 30 10C26 46-84 46-88 10Z" fill="{light}"/>'
        '<path d="M46-30C74-10 96 18 92 52C86 82-4 82-10 52C-12 18 16-10 46-30Z" fill="{main}"/><path d="M-10 50C8 36 76 36 92 50C88 84-6 84-10 50Z" fill="{light}"/>'
        '<path d="M18 28C22 12 30 2 38-6M-62-12C-58-28-50-40-42-48" fill="none" stroke="{light}" stroke-width="7"/>'
    ),
    "tea": (
        _STEAM + '<path d="M-86-22H56C56 40 30 76-15 76C-60 76-86 40-86-22Z" fill="#fbf7ee"/><ellipse cx="-15" cy="-22" rx="71" ry="18" fill="{main}"/>'
        '<path d="M54-6C84-12 92 34 40 40" fill="none" stroke-width="7"/><path d="M-52 86H24" fill="none" stroke-width="8"/>'
        '<path d="M-66 18C-58 44-46 56-34 62" fill="none" stroke="#e5dac9" stroke-width="7"/>'
        '<path d="M62-40C58-60 62-74 70-86C80-72 78-54 62-40ZM62-40C44-46 34-60 34-78C52-74 62-60 62-40ZM62-40C82-40 94-48 100-64C82-68 68-58 62-40ZM62-40C60-32 56-26 50-20" fill="{leaf}"/>'
    ),
    "coffee": (
        '<g fill="{main}"><ellipse cx="-34" cy="-26" rx="44" ry="58" transform="rotate(-28 -34 -26)"/><ellipse cx="48" cy="-12" rx="38" ry="52" transform="rotate(24 48 -12)"/>'
        '<ellipse cx="0" cy="52" rx="56" ry="38" transform="rotate(-8 0 52)"/></g><g fill="none" stroke="{light}" stroke-width="5"><path d="M-58-72C-30-54-44-10-12 18"/>'
        '<path d="M68-56C46-38 60-4 28 32"/><path d="M-50 58C-20 42 14 66 50 44"/></g>'
    ),
    "mushroom": (
        '<path d="M-52-4C-56 36-62 70-46 84C-30 92-8 92 4 84C16 70 8 36 6-4Z" fill="{light}"/><path d="M-98-2C-94-62-46-84-20-84C8-84 58-62 60-2C44 16-80 16-98-2Z" fill="{main}"/>'
        '<path d="M44 42C42 62 40 78 48 86C58 92 70 92 78 86C84 76 80 60 78 42Z" fill="{light}"/><path d="M20 42C22 10 44-4 62-4C82-4 100 14 100 42C88 52 34 52 20 42Z" fill="{main}"/>'
        '<g fill="none" stroke="{light}" stroke-width="6"><path d="M-74-20C-68-44-52-58-36-64"/><path d="M-8-60l12-8M-2-34l16-10M-30-36l8-16"/><path d="M40 26C42 16 48 10 54 8"/></g>'
        '<path d="M-78 4C-50 0-10 0 40 4" fill="none" stroke="{deep}" stroke-width="3"/>'
    ),
    "wood_ear": (
        '<path d="M-84 22C-104-18-70-62-34-52C-24-88 34-86 40-52C78-62 104-22 82 14C98 50 52 80 22 58C4 88-44 84-48 54C-70 62-84 44-84 22Z" fill="{main}"/>'
        '<path d="M-58 16C-66-12-44-30-24-24C-12-48 22-46 22-22C44-30 62-8 50 12C58 34 28 44 14 30C2 48-24 46-28 28C-44 34-56 28-58 16Z" fill="{deep}"/>'
        '<path d="M-26 8C-16-4-2-4 4 6M10-6C18-14 30-10 34 0M-10 24C-2 18 8 20 12 26" fill="none" stroke="{light}" stroke-width="4"/>'
        '<path d="M-74-12C-72-28-60-38-46-40M50-42C62-42 72-34 76-24" fill="none" stroke="{light}" stroke-width="6"/>'
    ),
    "meat": (
        '<path d="M-88 10C-96-38-52-74-2-66C40-80 92-56 92-8C94 32 64 44 52 66C34 92-22 84-44 70C-70 66-86 40-88 10Z" fill="{light}"/>'
        '<path d="M-72 8C-78-28-44-56-4-50C34-64 76-44 76-8C76 22 50 30 40 52C24 72-18 68-36 56C-58 52-70 32-72 8Z" fill="{main}"/>'
        '<circle cx="-30" cy="-2" r="21" fill="{light}"/><circle cx="-30" cy="-2" r="10" fill="{deep}"/>'
        '<g fill="none" stroke="{light}" stroke-width="6"><path d="M8-30C24-36 40-32 50-22"/><path d="M6 0C22-8 40-4 54 6"/><path d="M-6 34C8 24 22 26 30 34"/><path d="M-50 30C-44 36-36 40-28 40"/></g>'
    ),
    "fish": (
        '<path d="M52-4C70-30 86-38 98-40C92-18 92 12 98 34C84 30 68 20 52-4Z" fill="{deep}"/><path d="M-96 2C-72-44-12-62 58-6C8 60-64 52-96 2Z" fill="{main}"/>'
        '<path d="M-52-36C-34-6-34 14-52 38" fill="none"/><circle cx="-70" cy="-6" r="6" fill="#4b3b30" stroke="none"/><path d="M-20-50C-6-70 18-74 32-66C26-52 16-44 8-40Z" fill="{deep}"/>'
        '<g fill="none" stroke="{light}" stroke-width="5"><path d="M-22-20C-14-12-14-2-22 6"/><path d="M2-22C10-14 10-4 2 4"/><path d="M-10 6C-2 14-2 22-10 28"/><path d="M24-14C32-6 32 2 24 10"/></g>'
    ),
    "shrimp": (
        '<path d="M-8-78C50-84 92-44 86 8C80 58 34 88-14 80L-16 56C18 58 44 40 44 6C42-24 20-40-10-36C-34-34-48-46-46-60C-38-70-24-76-8-78Z" fill="{main}"/>'
        '<path d="M-14 80C-36 94-58 92-72 82C-60 74-62 66-74 58C-54 50-32 52-16 56Z" fill="{deep}"/>'
        '<g fill="none" stroke="{light}" stroke-width="5"><path d="M18-74C8-62 8-50 14-36"/><path d="M60-50C44-44 36-34 32-20"/><path d="M84-8C66-10 54-6 44 4"/><path d="M72 44C58 36 48 32 40 32"/><path d="M36 72C30 60 26 56 18 52"/></g>'
        '<path d="M-44-62C-70-72-86-66-96-50M-46-56C-70-52-82-40-86-22M-6-34l-8 20M14-30l-6 20M28-14l-14 16M32 8l-18 10" fill="none" stroke-width="4"/><circle cx="-22" cy="-58" r="6" fill="#4b3b30" stroke="none"/>'
    ),
    "oil": (
        '<path d="M-30-66H14V-46C14-32 42-22 42 8V74C42 86 36 92 24 92H-40C-52 92-58 86-58 74V8C-58-22-30-32-30-46Z" fill="{light}"/>'
        '<path d="M-58 4C-40 14 20-6 42 6V74C42 86 36 92 24 92H-40C-52 92-58 86-58 74Z" fill="{main}" stroke="none"/>'
        '<path d="M-30-66H14V-46C14-32 42-22 42 8V74C42 86 36 92 24 92H-40C-52 92-58 86-58 74V8C-58-22-30-32-30-46Z" fill="none"/><path d="M-34-88H18V-66H-34Z" fill="{deep}"/>'
        '<rect x="-42" y="26" width="68" height="44" rx="6" fill="#fffaf0"/><path d="M-8 34C6 48-2 62-8 62C-14 62-22 48-8 34Z" fill="{main}" stroke-width="2.5"/>'
        '<path d="M74-22C94 8 90 30 74 30C58 30 54 8 74-22Z" fill="{main}"/><path d="M-44 2V-4C-42-16-34-22-26-28" fill="none" stroke="#fffdf6" stroke-width="6"/>'
    ),
    "jar": (
        '<path d="M-66-44H46C62-30 66-10 66 10V66C66 84 56 92 40 92H-60C-76 92-86 84-86 66V10C-86-10-82-30-66-44Z" fill="{main}"/><path d="M-72-74H52V-44H-72Z" fill="{light}"/>'
        '<rect x="-62" y="8" width="104" height="52" rx="8" fill="#fffaf0"/><path d="M-10 46C-26 38-26 22-10 20C6 22 6 38-10 46ZM-10 20V46M-26 30H6" fill="{light}" stroke-width="3"/>'
        '<path d="M-72-12C-70-20-66-26-60-30" fill="none" stroke="{light}" stroke-width="7"/><path d="M98-90 70-36" fill="none" stroke-width="7"/>'
        '<g fill="{deep}"><ellipse cx="66" cy="-28" rx="20" ry="26" transform="rotate(27 66 -28)"/></g><path d="M48-36 76-22M54-48 82-34M46-22 68-11" fill="none" stroke="{light}" stroke-width="4"/>'
    ),
    "root": (
        '<path d="M-40-84C-20-92 2-84 6-66C14-34 8 0 18 34C24 56 30 72 44 94C20 78 6 58-2 30C-8 50-22 66-42 78C-28 58-22 36-24 10C-28-16-52-40-52-62C-52-72-48-80-40-84Z" fill="{main}"/>'
        '<path d="M-30-90C-34-98-44-102-54-100M-18-90C-16-100-8-106 4-106" fill="none" stroke="{leaf}" stroke-width="6"/><g fill="none" stroke="{deep}" stroke-width="3.5"><path d="M-40-60C-28-56-16-58-8-62"/><path d="M-30-34C-20-30-12-32-6-36"/><path d="M-22-8C-14-4-4-6 4-8"/></g>'
        '<g fill="{light}"><ellipse cx="58" cy="-34" rx="36" ry="24" transform="rotate(-18 58 -34)"/><ellipse cx="66" cy="22" rx="32" ry="21" transform="rotate(14 66 22)"/><ellipse cx="-66" cy="36" rx="28" ry="19" transform="rotate(-22 -66 36)"/></g>'
        '<g fill="none" stroke="{deep}" stroke-width="3"><ellipse cx="58" cy="-34" rx="15" ry="9" transform="rotate(-18 58 -34)"/><ellipse cx="66" cy="22" rx="13" ry="8" transform="rotate(14 66 22)"/><ellipse cx="-66" cy="36" rx="11" ry="7" transform="rotate(-22 -66 36)"/></g>'
    ),
    "noodles": (
        '<path d="M20-20 84-96M44-20 98-82" fill="none" stroke="{deep}" stroke-width="7"/><path d="M-84-6C-80-40-40-50-10-44C30-54 78-40 84-6Z" fill="{light}"/>'
        '<g fill="none" stroke="{main}" stroke-width="5"><path d="M-70-8C-66-34-34-36-26-8"/><path d="M-48-8C-42-46 6-46 10-8"/><path d="M-14-8C-6-42 40-44 44-8"/><path d="M26-8C30-34 66-34 70-8"/></g>'
        '<path d="M-96-8H96C94 44 60 78 0 78C-60 78-94 44-96-8Z" fill="{deep}"/><path d="M-40 90H40" fill="none" stroke-width="9"/>'
        '<path d="M-80 14C-72 40-54 56-34 62" fill="none" stroke="{light}" stroke-width="7"/><path d="M-30-50l-10-10M-6-54l14-6M46-44l10-8" fill="none" stroke="{leaf}" stroke-width="6"/>'
    ),
    "sack": (
        _EAR + '<path d="M-62-48C-44-56 18-56 36-48C58-10 62 52 50 84C20 94-46 94-76 84C-88 52-84-10-62-48Z" fill="{main}"/><path d="M-62-48C-72-66-66-80-54-84C-42-74-34-84-22-80C-10-88 4-76 14-84C28-82 44-72 36-48C18-56-44-56-62-48Z" fill="{light}"/>'
        '<path d="M-66-46C-44-38 18-38 40-46" fill="none" stroke="{deep}" stroke-width="6"/><circle cx="-13" cy="26" r="34" fill="#fffaf0"/>'
        '<path d="M-13 50V14M-13 30C-28 28-32 16-30 6C-18 8-12 18-13 30ZM-13 30C2 28 6 16 4 6C-8 8-14 18-13 30Z" fill="{leaf}" stroke-width="3"/>'
    ),
    "grain": (
        _EAR + '<path d="M-86 2C-66-50-36-66-14-66C10-66 38-46 56 2Z" fill="{main}"/>'
        '<g fill="none" stroke="{deep}" stroke-width="5"><path d="M-50-16l5-7M-26-38l6-5M-2-20l6 4M20-34l-2-7M-14-54l7 1M32-12l6 5M-34-4l7 2M6-4l6-3M-62-4l3-5M8-46l5 5"/></g>'
        '<g fill="none" stroke="{light}" stroke-width="5"><path d="M-38-28l6 3M-14-34l4 6M14-18l6-4M-46 0l6-3M34-24l3 6M-18-10l6-3"/></g>'
        '<path d="M-98 2H68C66 52 36 84-15 84C-66 84-96 52-98 2Z" fill="#f7efe0"/><path d="M-92 22C-60 32 30 32 62 22" fill="none" stroke="{deep}" stroke-width="5"/><path d="M-48 92H18" fill="none" stroke-width="8"/>'
    ),
    "radish": (
        '<path d="M30-40C64-18 66 16 40 36C4 62-40 78-84 88C-76 44-58 2-30-30C-12-52 8-56 30-40Z" fill="{main}"/><path d="M-50 14C-36 20-26 28-20 40M-14-12C2-8 14 2 22 16" fill="none" stroke="{deep}" stroke-width="4"/>'
        '<path d="M34-36C26-66 36-90 54-98C64-78 60-54 34-36ZM36-34C50-62 76-74 98-70C94-48 72-32 36-34ZM38-30C62-36 84-28 94-12C76-2 54-6 38-30Z" fill="{leaf}"/>'
        '<path d="M-24-20C-14-32-4-38 8-38" fill="none" stroke="{light}" stroke-width="7"/>'
    ),
    "potato": (
        '<path d="M-92-10C-92-52-44-72-4-60C36-58 58-26 44 6C32 38-16 46-48 38C-78 34-92 18-92-10Z" fill="{main}"/><path d="M-20 50C-14 14 30 0 62 12C94 24 102 58 78 78C50 98-26 92-20 50Z" fill="{main}"/>'
        '<g fill="none" stroke="{deep}" stroke-width="5"><path d="M-60-14l8 4M-24-34l9 1M-28 6l8-4M16-22l7 4M20 56l8-4M52 36l8 3M56 66l8-3"/></g><path d="M-76-14C-74-30-64-40-50-46M-2 48C2 36 12 28 24 26" fill="none" stroke="{light}" stroke-width="7"/>'
    ),
    "lotus": (
        '<path d="M-90-62C-60-92-20-78-14-48C14-62 46-40 46-8C40 6 24 12 10 8C-6 16-26 8-32-8C-66 0-98-26-90-62Z" fill="{main}"/><path d="M-32-8C-34-24-26-40-14-48" fill="none"/>'
        '<circle cx="34" cy="42" r="50" fill="{light}"/><circle cx="34" cy="42" r="40" fill="none" stroke="{deep}" stroke-width="3"/>'
        '<g fill="{deep}" stroke-width="2.5"><circle cx="34" cy="42" r="7"/><ellipse cx="34" cy="19" rx="8" ry="10"/><ellipse cx="34" cy="65" rx="8" ry="10"/><ellipse cx="13" cy="31" rx="8" ry="9"/><ellipse cx="55" cy="31" rx="8" ry="9"/><ellipse cx="13" cy="54" rx="8" ry="9"/><ellipse cx="55" cy="54" rx="8" ry="9"/></g>'
        '<path d="M-76-52C-70-64-60-70-48-70" fill="none" stroke="{light}" stroke-width="7"/>'
    ),
    "gift": (
        '<path d="M-80-18H80V78C80 86 76 90 68 90H-68C-76 90-80 86-80 78Z" fill="{main}"/><path d="M-92-46H92V-14H-92Z" fill="{deep}"/><path d="M-18-46H18V90H-18Z" fill="{light}"/>'
        '<path d="M0-46C-20-90-66-94-68-68C-70-48-30-46 0-46ZM0-46C20-90 66-94 68-68C70-48 30-46 0-46Z" fill="{light}"/>'
        '<path d="M-62 8v52M62 8v52" fill="none" stroke="{light}" stroke-width="4"/>'
    ),
    "basket": (
        '<path d="M-66-4C-66-90 66-90 66-4" fill="none" stroke="{deep}" stroke-width="9"/><g fill="{leaf}"><path d="M-50-2C-64-30-50-52-32-58C-18-40-22-16-50-2Z"/><path d="M-8-2C-26-34-8-62 8-68C22-48 20-18-8-2Z"/><path d="M34-2C22-28 36-50 54-54C66-36 60-14 34-2Z"/></g>'
        '<path d="M-92-4H92L70 82C68 88 62 92 56 92H-56C-62 92-68 88-70 82Z" fill="{main}"/><path d="M-86 22H86M-80 48H80M-74 70H74M-40-4l10 96M0-4v96M40-4 30 92" fill="none" stroke="{deep}" stroke-width="4"/>'
    ),
}  # fmt: skip
