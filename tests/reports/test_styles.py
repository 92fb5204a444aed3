"""Colours can be read by everybody."""

import pytest

from reports.styles import LOOKS


def luminance(colour):
    parts = [int(colour[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("style", LOOKS)
def test_text_stands_out_from_its_background(style):
    look = LOOKS[style]
    light, dark = sorted((luminance(look.ink), luminance(look.fill or "FFFFFF")), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
