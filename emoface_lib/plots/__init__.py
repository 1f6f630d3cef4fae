"""Figures: data in, axes out; every figure is shown with a text that says the same."""

from emoface_lib.plots.base import (
    DASHES,
    EXPRESSION_MARKS,
    PALETTE,
    as_output,
    contact_sheet,
    draw_confusion,
    draw_curves,
    draw_diagram,
    draw_differences,
    draw_embedding,
    draw_face,
    draw_intervals,
    draw_lines,
    draw_mel,
    draw_phonemes,
    draw_picture,
    draw_tiles,
    encode,
    figure,
    keep,
    show,
)
from emoface_lib.plots.emotion import (
    draw_dose,
    draw_figure_2,
    widest,
)
from emoface_lib.plots.faces import (
    MISSED,
    draw_best_guess,
    draw_cloud,
    draw_errors,
    draw_map,
    draw_shares,
    draw_threshold,
    marked,
)
from emoface_lib.plots.sound import (
    draw_likeness,
    draw_mels,
    draw_probes,
    draw_variance_shares,
)
from emoface_lib.plots.training import (
    LiveCurves,
    draw_histograms,
    draw_learning_curve,
    draw_learning_curves,
    draw_logs,
    draw_training,
)
