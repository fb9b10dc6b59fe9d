"""Counts, figures and p-values as words of a message or of a table."""


def figure(value: float, *, digits: int = 3, sign: bool = False) -> str:
    """A number as this field prints it, without the zero before the point.

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
    """A p-value after its equals sign.

    Examples:
        >>> probability(0.0321), probability(0.0004), probability(1)
        ('= .032', '< .001', '= 1.000')
    """
    return "< .001" if p < 0.001 else f"= {figure(p)}"


def count(number: int, noun: str) -> str:
    """A number and its noun.

    Examples:
        >>> count(1, "fold"), count(2170, "utterance")
        ('1 fold', '2,170 utterances')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
