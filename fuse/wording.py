"""Format of counts, figures and p-values in messages and tables."""


def figure(value: float, *, digits: int = 3, sign: bool = False) -> str:
    """Format a number below 1 without the zero before the decimal point.

    Args:
        value: number to format
        digits: number of digits after the decimal point
        sign: write a plus sign before a positive number

    Returns:
        the text, or ``-`` for NaN

    Examples:
        >>> figure(0.7321), figure(-0.05, digits=2), figure(0.043, sign=True)
        ('.732', '-.05', '+.043')
        >>> figure(1), figure(-0.0001), figure(float("nan"))
        ('1.000', '.000', '-')
    """
    if value != value:
        return "-"
    text = f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") else text


def probability(p: float) -> str:
    """Format a p-value with ``=`` or ``<`` before it.

    Args:
        p: in [0, 1]

    Examples:
        >>> probability(0.0321), probability(0.0004), probability(1)
        ('= .032', '< .001', '= 1.000')
    """
    return "< .001" if p < 0.001 else f"= {figure(p)}"


def count(number: int, noun: str) -> str:
    """Format a number with its noun, in the plural unless the number is 1.

    Args:
        number: number to format, with a comma between thousands
        noun: noun in the singular; its plural must end in -s

    Examples:
        >>> count(1, "fold"), count(2170, "utterance")
        ('1 fold', '2,170 utterances')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
