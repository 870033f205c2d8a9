# SPDX-License-Identifier: MIT
"""What a terminal would show for the bytes that came over the serial line."""

import re

_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z@~])|\x1b[()][A-Za-z0-9]|\x1b[=>78cM]")


class _Screen:
    """Endless lines without wrapping: what the control sequences of a line editor do, and no more."""

    def __init__(self):
        self.lines = [[]]
        self.row = 0
        self.column = 0

    def put(self, char):
        line = self.lines[self.row]
        if self.column > len(line):
            line.extend(" " * (self.column - len(line)))
        line[self.column : self.column + 1] = [char]
        self.column += 1

    def control(self, char):
        if char == "\n":
            self.row += 1
            self.column = 0
            if self.row == len(self.lines):
                self.lines.append([])
        elif char == "\r":
            self.column = 0
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char == "\t":
            for _ in range(8 - self.column % 8):
                self.put(" ")

    def sequence(self, arguments, command):
        numbers = [int(n) for n in re.findall(r"\d+", arguments)]
        count = max(1, numbers[0]) if numbers else 1
        mode = numbers[0] if numbers else 0
        line = self.lines[self.row]
        if command == "C":
            self.column += count
        elif command == "D":
            self.column = max(0, self.column - count)
        elif command == "G":
            self.column = count - 1
        elif command == "A":
            self.row = max(0, self.row - count)
        elif command == "K" and mode == 0:
            del line[self.column :]
        elif command == "K" and mode == 1:
            line[: self.column] = " " * min(self.column, len(line))
        elif command == "K" and mode == 2:
            line.clear()
        elif command == "P":
            del line[self.column : self.column + count]
        elif command == "@":
            line[self.column : self.column] = " " * count
        elif command == "J" and mode in (2, 3):
            self.__init__()
        elif command == "J":
            del line[self.column :]
            del self.lines[self.row + 1 :]
        elif command == "H" and not numbers:
            self.row = self.column = 0

    def text(self):
        return "\n".join("".join(line) for line in self.lines)


def clean(text: str) -> str:
    """The text as a terminal would show it: carriage returns, erasing and cursor movement carried out."""
    screen = _Screen()
    position = 0
    while position < len(text):
        char = text[position]
        match = _SEQUENCE.match(text, position) if char == "\x1b" else None
        if match:
            if match.group(2):
                screen.sequence(match.group(1), match.group(2))
            position = match.end()
            continue
        if char in "\n\r\b\t":
            screen.control(char)
        elif char >= " " and char != "\x7f":
            screen.put(char)
        position += 1
    return screen.text()
