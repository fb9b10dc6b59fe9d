"""Kinds of plug-ins: what each is called, where it is looked for, what it must offer.

Which plug-ins of a kind there are is in `affuse.data.plugins`.
"""

from dataclasses import dataclass

# names that stand for decisions, the zero-shot baseline and everything together
FUSION_WORDS = ("all", "lateccc", "latemean", "stacking", "zeroshot")


@dataclass(frozen=True)
class PluginKind:
    """One kind of plug-in.

    Attributes:
        noun: for messages
        package: package of this project whose modules are plug-ins of this kind; a
            name that begins with an underscore is a helper
        group: group of entry points by which other packages offer plug-ins
        offers: what every plug-in of this kind has
        suffix: end of file names in `package` that is no part of a plug-in's name;
            files without it are helpers
        namespace: kinds of one namespace share their names; "" for one that does not
        reserved: names that mean something else to users, and that no plug-in can have
        option: how a command takes a file of the user's; "" if none does
    """

    noun: str
    package: str
    group: str
    offers: tuple[str, ...] = ()
    suffix: str = ""
    namespace: str = ""
    reserved: tuple[str, ...] = ()
    option: str = ""

    @property
    def remedy(self) -> str:
        """What users can do who need another plug-in of this kind, as a clause."""
        package = (
            f"install a package that has an entry point for it in the group "
            f"'{self.group}'"
        )
        return (
            f"give a file with {self.option}, or {package}" if self.option else package
        )


CORPUS_KIND = PluginKind(
    noun="corpus reader",
    package="affuse.data.corpora",
    group="affuse.corpora",
    offers=("read", "sample"),
)
MODALITY_KIND = PluginKind(
    noun="modality",
    package="affuse.data.modalities",
    group="affuse.modalities",
    offers=("MODALITY",),
)
ENCODER_KIND = PluginKind(
    noun="encoder",
    package="affuse.extract.encoders",
    group="affuse.encoders",
    offers=("MODALITY", "CHECKPOINT", "Encoder"),
)
DESIGN_KIND = PluginKind(
    noun="design",
    package="affuse.fuse.models.designs",
    group="affuse.designs",
    offers=("Fusion",),
    namespace="fusion",
    reserved=FUSION_WORDS,
    option="--design FILE.py",
)
BASELINE_KIND = PluginKind(
    noun="baseline",
    package="affuse.fuse.models.baselines",
    group="affuse.baselines",
    offers=("fit", "blank"),
    namespace="fusion",
    reserved=FUSION_WORDS,
)
RULE_KIND = PluginKind(
    noun="rule",
    package="affuse.fuse.linting.rules",
    group="affuse.rules",
    offers=("NEEDS", "findings"),
)
FORMAT_KIND = PluginKind(
    noun="format",
    package="affuse.fuse.reporting.formats",
    group="affuse.formats",
    offers=("render",),
    suffix="_report",
)
KINDS = (
    CORPUS_KIND,
    ENCODER_KIND,
    DESIGN_KIND,
    BASELINE_KIND,
    RULE_KIND,
    FORMAT_KIND,
    MODALITY_KIND,
)
