"""Stage two of a bundle as one ONNX graph: embeddings in, the mean rating out.

The inputs are named after the modalities, or ``head`` for predictions of a checkpoint's
head. Each is (batch, dim), float32, as stage one caches it. The output ``ratings`` is
(batch, targets): the mean over all models.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.cache.anonymous_recipe import remove_names
from affuse.data.errors import AffuseError
from affuse.data.system.environment import extra_command
from affuse.fuse.inputs.tensors import HEAD
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.trained.model_folders import projections
from affuse.fuse.trained.model_set import ModelSet

OUTPUT = "ratings"
TOLERANCE = 1e-5  # between torch and onnxruntime, absolute and relative
ROWS = 7  # of the comparison; another number than at the export
SEED = 0  # of the embeddings of the comparison


class MeanModel(nn.Module):
    """Mean of the predictions of several models, with one argument for each input.

    Args:
        modules: models
        inputs: names of the inputs, in the order of the arguments
    """

    def __init__(self, modules: list[nn.Module], inputs: tuple[str, ...]):
        super().__init__()
        self.models = nn.ModuleList(modules)
        self.inputs = inputs

    def forward(self, *embeddings: Tensor) -> Tensor:
        """Return the mean predictions.

        Args:
            embeddings: (batch, dim) of each input

        Returns:
            (batch, targets)
        """
        features = dict(zip(self.inputs, embeddings, strict=True))
        return torch.stack([model(features) for model in self.models]).mean(dim=0)


def onnx_graph(models: ModelSet) -> bytes:
    """Return the ONNX graph of all models, checked against torch with onnxruntime.

    Args:
        models: of a run or bundle, on the CPU

    Raises:
        AffuseError: if a package of the extra is missing, the folds have encoders of
            their own, the design cannot be exported, or the graph predicts otherwise
    """
    _demand_packages()
    _demand_shared_encoders(models)
    facts = models.models[0].description
    inputs = tuple(find_trainable(facts.fusion).features(models.modalities))
    mean = MeanModel([model.module for model in models.models], inputs).eval()
    examples = _examples(models, inputs)
    try:
        graph = _export(mean, [x[:2] for x in examples])
    except Exception as error:  # the exporter raises many kinds of errors
        raise AffuseError(
            f"the design '{facts.fusion}' cannot be exported to ONNX "
            f"({_first_cause(error)}); leave out --onnx"
        ) from error
    _demand_equal(graph, mean, examples, facts.fusion)
    return graph


def _first_cause(error: BaseException) -> str:
    """Return the first line of the error with which a failure began."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().partition("\n")[0][:200]


def _demand_packages() -> None:
    """Raise an error if a package of the extra is missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise AffuseError(
            f"--onnx needs the packages onnx, onnxruntime and onnxscript; "
            f"{extra_command('onnx')}"
        ) from error


def _demand_shared_encoders(models: ModelSet) -> None:
    """Raise an error if the models of different folds take different embeddings."""
    recipes = [
        {m: remove_names(r).text() for m, r in each.items()}
        for each in models.recipes.values()
    ]
    if any(each != recipes[0] for each in recipes):
        raise AffuseError(
            f"the encoders of {models.path} were fine-tuned for each fold, so that one "
            f"graph cannot take the embeddings of all folds; leave out --onnx"
        )


def _examples(models: ModelSet, inputs: tuple[str, ...]) -> list[Tensor]:
    """Return random embeddings with the statistics of the training: (ROWS, dim) each.

    Predictions of a head are random numbers in [0, 1].
    """
    random = torch.Generator().manual_seed(SEED)
    first = models.models[0]
    found = projections(first.module)
    examples = []
    for name in inputs:
        if name == HEAD:
            shape = ROWS, len(first.description.head)
            examples.append(torch.rand(shape, generator=random))
        else:
            examples.append(_embeddings(found[name], random))
    return examples


def _embeddings(projection: Projection, random: torch.Generator) -> Tensor:
    """Return random embeddings, (ROWS, dim), that a projection standardises."""
    varies = projection.scale > 0
    spread = torch.where(varies, 1 / projection.scale.clamp_min(1e-30), 0)
    noise = torch.randn(ROWS, len(projection.mean), generator=random)
    return projection.mean + noise * spread


def _export(mean: MeanModel, examples: list[Tensor]) -> bytes:
    """Return the graph of a model for batches of any size, without traces of code."""
    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            mean,
            tuple(examples),
            dynamo=True,
            verbose=False,
            input_names=list(mean.inputs),
            output_names=[OUTPUT],
            dynamic_shapes=(tuple({0: batch} for _ in examples),),
        )
    model = cast(Any, program).model_proto
    for graph in (model.graph, *model.functions):
        for each in (*graph.node, *graph.value_info, graph, model):
            _clear(each)
    for each in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        _clear(each)
    return cast(bytes, model.SerializeToString(deterministic=True))


def _clear(element: Any) -> None:
    """Clear the texts of a part of a graph, which name files of this machine."""
    for name in ("metadata_props", "doc_string"):
        element.ClearField(name)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what the exporter prints, logs and warns of."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _demand_equal(
    graph: bytes, mean: MeanModel, examples: list[Tensor], fusion: str
) -> None:
    """Raise an error if onnxruntime predicts otherwise than torch."""
    with torch.inference_mode():
        expected = mean(*examples).numpy()
    arrays = {n: x.numpy() for n, x in zip(mean.inputs, examples, strict=True)}
    predicted = run_graph(graph, arrays)
    if predicted.shape != expected.shape or not np.allclose(
        predicted, expected, rtol=TOLERANCE, atol=TOLERANCE
    ):
        raise AffuseError(
            f"the ONNX graph of the design '{fusion}' predicts otherwise than torch; "
            f"leave out --onnx"
        )


def run_graph(graph: bytes, embeddings: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the ratings that onnxruntime predicts: (batch, targets), float32.

    Args:
        graph: as `onnx_graph` returned it
        embeddings: {name of an input: (batch, dim), float32}
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run([OUTPUT], dict(embeddings))[0])
