# SPDX-License-Identifier: MIT
"""Where a C source can be changed a little, so that it means something else."""

import dataclasses
import re

# What may stand for what. Those that are spelled the same for one operand and two are between blanks.
OPERATORS = {
    "==": ("!=",), "!=": ("==",), "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
    "&&": ("||",), "||": ("&&",), "+": ("-",), "-": ("+",), "*": ("+",), "/": ("*",), "%": ("/",),
    "&": ("|",), "|": ("&",), "<<": (">>",), ">>": ("<<",), "+=": ("-=",), "-=": ("+=",), "|=": ("&=",),
    "&=": ("|=",),
}
OPERATOR = re.compile(r" (" + "|".join(map(re.escape, sorted(OPERATORS, key=len, reverse=True))) + r") ")
NUMBER = re.compile(r"(?<![\w.\"'])(0x[0-9a-fA-F]+|\d+)(u?l{0,2})(?![\w.\"'])")
CALL = re.compile(r"^ +[a-z_][\w>.-]*\([^;{}]*\);$", re.MULTILINE)
ASSIGNMENT = re.compile(r"^ +[a-z_][\w>.\[\]-]* [+|&-]?= [^;{}]*;$", re.MULTILINE)
CHECK = re.compile(r"\bif \((?=[^;{}]*\)\n)")
ARGUMENTS = re.compile(r"\b[a-z_]\w*\(([\w>.&-]+), ([\w>.&-]+)([,)])")
KINDS = ("operator", "number", "call", "assignment", "check", "arguments")


@dataclasses.dataclass
class Site:
    kind: str
    start: int
    end: int
    text: str  # that stands there instead


def blanked(text: str) -> str:
    """The text with comments, strings and preprocessor lines blank, so that no site is in them."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^#(?:\\\n|[^\n])*'
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S | re.M)


def bodies(code: str) -> list:
    """(start, end) of each function's body: its braces stand at the start of a line."""
    return [match.span() for match in re.finditer(r"^\{\n.*?^\}$", code, re.S | re.M)]


def sites(text: str) -> dict:
    """The sites within functions, by kind."""
    code, found = blanked(text), {kind: [] for kind in KINDS}
    for start, end in bodies(code):
        for match in OPERATOR.finditer(code, start, end):
            for other in OPERATORS[match.group(1)]:
                found["operator"].append(Site("operator", *match.span(1), other))
        for match in NUMBER.finditer(code, start, end):
            digits = match.group(1)
            value = int(digits, 8 if re.fullmatch("0[0-7]+", digits) else 0)
            others = {value + 1, max(value - 1, 0)} - {value}
            found["number"] += [Site("number", *match.span(1), str(n)) for n in sorted(others)]
        for kind, pattern in (("call", CALL), ("assignment", ASSIGNMENT)):
            for match in pattern.finditer(code, start, end):
                indent = re.match(" +", match.group(0)).group(0)
                found[kind].append(Site(kind, *match.span(), indent + "(void)0;"))
        for match in CHECK.finditer(code, start, end):
            found["check"].append(Site("check", *match.span(), "if (0 && "))
        for match in ARGUMENTS.finditer(code, start, end):
            if match.group(1) != match.group(2):
                swapped = f"{match.group(2)}, {match.group(1)}"
                found["arguments"].append(Site("arguments", match.start(1), match.end(2), swapped))
    return found


def applied(text: str, site: Site) -> str:
    return text[: site.start] + site.text + text[site.end:]


def described(text: str, site: Site) -> str:
    """`LINE: OLD -> NEW`."""
    number = text.count("\n", 0, site.start) + 1
    changed = applied(text, site)
    old, new = text.split("\n")[number - 1].strip(), changed.split("\n")[number - 1].strip()
    return f"{number}: {old} -> {new}"
