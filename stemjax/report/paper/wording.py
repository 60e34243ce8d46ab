"""All that the page ``results.md`` says in words.

What is said of a claim (TEXTS) is shown only where the claim is not reproduced, what is said of a
measure (REASONS) wherever it was used. Both must be true whatever a run measured: its numbers stand
beside them on the page.
"""

from dataclasses import dataclass

from stemjax.report.paper.claims import GONE_DB
from stemjax.report.paper.verdicts import FEWEST, FULL

SIMULATED = (
    "**These are not the authors' data.** A simulated microscope recorded every frame: "
    "dislocations in steel, in aluminium for the heating series, under a scan that distorts and a "
    "detector that lags, with shot noise. Lines, background and distortion are drawn at random; "
    "detector, lag and beam current are fixed, at values within published ranges; what glides in "
    "the series does not depend on their temperature, which is in their logs alone. So the page "
    "can tell whether the method does on such data what is claimed of it, in which order methods "
    "come, and how far each is from the truth, which no experiment can. It cannot tell whether the "
    "paper's numbers hold for the authors' microscope: a gain in "
    "percent of a PSNR depends on contrast, dose and single pixels. A number that agrees is weak "
    "evidence, one that does not is no refutation, and what the simulator leaves out is not "
    "tested at all. Loss, optimiser, split and intensities of the models are the paper's; the "
    "network's blocks are ours."
)
MAPPED = (
    "Root mean square error in pixels, of the columns but the outer 8; moved by the mean offset "
    "of the fields that the map was fitted to. A shift of all columns moves an image, what is left "
    "about the mean bends it. Strips take the detector's lag for displacement; the spline, fitted "
    "to all fields of view at once, tells them apart. The run restores by the map that its config "
    "names; the other is there for this table."
)
OTHERWISE = (
    "`dlf-temporal` sees neighbours in time of the frame that it restores. `dlf-robust` has one "
    "scale of intensities for all frames, from percentiles, where the paper stretches each from "
    "its own minimum to its maximum. All else is as in `dlf-slow`."
)
TRUTH = (
    "In the tables above `psnr_truth` and `ssim_truth`, and here the map's error, compare with "
    "what was simulated. The paper compares with slow scans, which have noise of their own."
)
SPEED = (
    "Of training, the median epoch with its validation; of restoring, the whole job of the longest "
    "acquisition that the model restored, with start, compilation, reading and writing."
)
METHODS = (
    "*Rapid* frames are undistorted and not restored. *DCFI* is the drift-corrected mean of all "
    "frames of a field of view, of a series of its last 50. *DLF-Slow* is a network that has "
    "learned to make slow scans of rapid frames, *DLF-DCFI* to make integrations of them, "
    "*DLF-Uncorrected* (`dlf-uncorrected`) slow scans of frames that were not undistorted first. "
    "*DLF-100* to *DLF-2500* have learned from so many frames, times the scale, of one field of "
    "view alone."
)
COUNTED = (
    "Means over fields of view [95 % interval], each field the mean of its frames that every "
    "method was measured on. BM3D, which is slow, counts by fewer of these."
)
VERDICT = f"""\
Values are means over fields of view [95 % interval, by bootstrap over fields]. PSNR without more
is the paper's (`psnr_paper`); gains are in percent of it, orders are differences in dB, paired
field by field, and of *the order* no number is compared. Beside it stands what PSNR to the
simulated truth says of the same claim.

- *reproduced*: the whole interval lies on the claimed side;
- *not reproduced*: it lies wholly on the other;
- *undecided*: it holds both, or there are fewer than {FEWEST} fields of view, of which even full
  agreement may be chance;
- *not judged*: models of one field of view below scale {FULL:g}, where they have fewer frames.

Intervals are over specimens. One scan, one detector and one training of each model lie behind
all of them: how far another training would come is not in them.

A streak is *gone* where it exceeds the slow scan's own by less than {GONE_DB:g} dB, and *left*
where by more. {GONE_DB:g} dB is twice the scatter of the measure for one frame of white noise of
512 x 512 pixels, and far more than that of a mean over many."""


@dataclass(frozen=True)
class Reason:
    """What touches several claims.

    Attributes:
        text: what is said of it, once.
        claims: keys of those that it touches.
    """

    text: str
    claims: tuple[str, ...]


# By claim, what concerns it alone.
TEXTS = {
    "gain": "A percentage of decibels also depends on where it starts: the same gain is a smaller "
    "share of the PSNR of a better rapid frame.",
    "gain-mid": "Grey values are those of the slow scan, stretched from minimum to maximum: which "
    "pixels are between 20,000 and 40,000 depends on the specimen and on two extreme pixels.",
    "gain-rest": "What is darker and brighter is lines here, the background there: it depends on "
    "where the specimen's grey lies between two extreme pixels.",
    "dcfi-slow": "DCFI is the mean of all frames of a field of view; DLF-Slow sees one frame at a "
    "time.",
    "streak-dcfi": "The streak is made of noise, and an integration of many frames has little.",
    "streak-bm3d": "A filter that is strong enough takes the streak away with the structure.",
    "streak-dlf-dcfi": "A model that learns integrations learns what little streak is left in "
    "them.",
    "series": "Aluminium shows wider lines at another contrast than the steel that the model has "
    "learned from.",
    "uncorrected": "What such a model restores is undistorted afterwards, by the same map: it "
    "differs from DLF-Slow in what it has learned, not in where its columns lie.",
    "uncorrected-lines": "What such a model restores is undistorted afterwards, by the same map, "
    "and one offset of each field of view is taken off: what is left is how lines are drawn.",
}
PAPER_PSNR = (
    *("gain", "gain-mid", "gain-rest", "rapid-dcfi", "rapid-dlf-dcfi", "dcfi-slow"),
    *("dlf-dcfi-slow", "series", "uncorrected", "frames-500", "frames-1000", "frames-2500"),
)
REASONS = {
    "PSNR as in the paper": Reason(
        "It stretches both images from minimum to maximum, so that single pixels set the scale of "
        "all others: of a noisy frame its outliers, of a smooth one its darkest line. PSNR to the "
        "truth, which fits contrast and brightness instead, has no part in this.",
        PAPER_PSNR,
    ),
    "Intensities": Reason(
        "Models see each frame stretched from its own minimum to its maximum, as in the paper: of "
        "a noisy frame, between two outliers that a patch of 64 pixels does not show. A model of "
        "many fields of view is asked for grey levels that it cannot know, and errs slowly over "
        "the frame; one of a single field is always asked for the same ones. What this costs, "
        "`dlf-robust` tells (below).",
        ("gain", "gain-mid", "gain-rest", "dcfi-slow", "dlf-dcfi-slow", "series", "frames-2500"),
    ),
    "Lag against noise": Reason(
        "What keeps the detector's lag loses what the lag blurs, and gains by having little noise. "
        "Which weighs more depends on dose and lag.",
        ("rapid-dcfi", "rapid-dlf-dcfi", "dlf-dcfi-slow"),
    ),
    "How the streak is measured": Reason(
        "As power at kx = 0 against the rest of each ring. The slow scan's rings are filled by its "
        "noise. A frame without noise has little but its lines there, and one that runs along the "
        "scan looks like a streak: the simulated specimen, with neither noise nor lag, shows how "
        "much that is.",
        ("streak-slow", "streak-dcfi", "streak-bm3d", "streak-dlf-dcfi"),
    ),
    "Where spectra part": Reason(
        "The comparison ends where the slow scan is noise itself, which a restored frame is not: "
        "how far it can go is set by the slow scan's dose and by how fine the specimen is. Noise "
        "as strong as the structure that was lost raises it; ring correlation is not taken in.",
        ("follows", "follows-single"),
    ),
    "One field of view": Reason(
        "These models learn at rates of their own (1e-5 is the paper's, 1e-4 was chosen here), so "
        "that more than the number of frames differs from one to the next, and at another pixel "
        "size than that of the test fields.",
        ("follows-single", "frames-500", "frames-1000", "frames-2500"),
    ),
}
