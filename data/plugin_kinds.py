"""Kinds of plug-ins: their names, locations and required contents.

The module `affuse.data.plugins` lists and loads the plug-ins of a kind.
"""

from dataclasses import dataclass

# Names of decision-level fusion, of the zero-shot baseline and of all designs together.
FUSION_WORDS = ("all", "lateccc", "latemean", "stacking", "zeroshot")


@dataclass(frozen=True)
class PluginKind:
    """Kind of plug-in.

    Attributes:
        noun: for messages
        package: package of this project whose modules are plug-ins of this kind; a
            module whose name begins with an underscore is a helper
        group: group of entry points in which other packages list plug-ins
        offers: names that every plug-in of this kind defines
        suffix: end of file names in `package` that is not part of a plug-in's name;
            files without it are helpers
        namespace: name that two kinds share if no two of their plug-ins may have the
            same name; "" for a kind without such a restriction
        reserved: names with another meaning, which no plug-in can have
        option: with which a command takes the user's file; "" if no command does
        absent: names that no plug-in of this kind has, with the reason
    """

    noun: str
    package: str
    group: str
    offers: tuple[str, ...] = ()
    suffix: str = ""
    namespace: str = ""
    reserved: tuple[str, ...] = ()
    option: str = ""
    absent: tuple[tuple[str, str], ...] = ()

    @property
    def remedy(self) -> str:
        """Clause that says how to add a plug-in of this kind."""
        package = (
            f"install a package that has an entry point for it in the group "
            f"'{self.group}'"
        )
        return (
            f"give a file with {self.option}, or {package}" if self.option else package
        )

    def explain(self, name: str) -> str:
        """Return a clause that says why there is no plug-in of a name.

        Args:
            name: as the user typed it

        Returns:
            the clause; "" for a name that is not in `absent`

        Examples:
            >>> CORPUS_KIND.explain("iemokap")
            ''
        """
        letters = "".join(filter(str.isalnum, name.casefold()))
        return "".join(f"; {why}" for other, why in self.absent if other in letters)


_MOMENTS = (
    "rates moments in place of utterances (time-continuous annotation), and this "
    "program predicts one rating of each utterance; to use it, divide its recordings "
    "into utterances, take the mean rating of each, and read them as a table with "
    "the reader manifest"
)
CORPUS_KIND = PluginKind(
    noun="corpus reader",
    package="affuse.data.corpora",
    group="affuse.corpora",
    offers=("read", "sample"),
    absent=(
        ("recola", f"RECOLA {_MOMENTS}"),
        ("sewa", f"SEWA {_MOMENTS}"),
        ("mspconversation", f"MSP-Conversation {_MOMENTS}"),
    ),
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
PREDICTION_FORMAT_KIND = PluginKind(
    noun="format of predictions",
    package="affuse.extract.inference.formats",
    group="affuse.prediction_formats",
    offers=("render",),
    suffix="_predictions",
)
DEGRADATION_KIND = PluginKind(
    noun="degradation",
    package="affuse.extract.degradations",
    group="affuse.degradations",
    offers=("DEGRADATION",),
    suffix="_degradation",
    reserved=("clean", "recognised"),
)
KINDS = (
    CORPUS_KIND,
    ENCODER_KIND,
    DESIGN_KIND,
    BASELINE_KIND,
    RULE_KIND,
    FORMAT_KIND,
    MODALITY_KIND,
    PREDICTION_FORMAT_KIND,
    DEGRADATION_KIND,
)
