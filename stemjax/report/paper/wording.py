"""All that the page ``results.md`` says in words.

What is said of a claim (TEXTS) is shown only where the claim is not reproduced, what is said of a
measure (REASONS) wherever it was used. Both must be true whatever a run measured: its numbers stand
beside them on the page.
"""

from dataclasses import dataclass

from stemjax.evaluate.interval import FEWEST_FIELDS
from stemjax.report.paper.claims import GONE_DB
from stemjax.report.paper.verdicts import FULL

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
    "tested at all. Loss, optimiser, split and intensities are the paper's but where a model "
    "of ours is named; the network's blocks are ours."
)
PAPER_SIZE = (
    "Scale 1 has the paper's: 50 fields of view to learn from and 16 to test, of 50 frames each, "
    "2,500 frames of a single one, six series of 2,000 frames, 100 epochs. Below it there are "
    "never fewer than six test fields of view, and a model learns in never fewer than 1,000 steps."
)
MAPPED = (
    "Root mean square error in pixels, of the columns but the outer 8; moved by the mean offset "
    "of the fields that the map was fitted to. What is left about the mean bends an image, the "
    "mean only moves it: of strips that is the detector's lag, which they take for displacement "
    "and the spline tells apart. The first row is what the scan does where nothing is undone. The "
    "run restores by the map that its config names; the others are there for this table."
)
INVENTED = (
    "*Lines that are not there.* Frames of an empty specimen show nothing but noise. In these, "
    "restored or not, at least {least:g} µm of lines per µm² are found. A model that stretches "
    "every frame from its minimum to its maximum, as the paper does, stretches the noise of an "
    "empty one as far as it does the lines of others."
)
BETTER = (
    "*Classical filters.* Those whose PSNR to the truth exceeds that of a model of many fields of "
    "view by their whole interval; BM3D, measured on fewer frames, is not among those compared. "
    "The Wiener filter is told the noise's spectrum and the detector's lag, both measured on the "
    "frames."
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
    "acquisition that the model restored, with start, compilation, reading and writing, where it "
    "had at least {least} frames: a job of fewer is hardly more than its start."
)
METHODS = (
    "*Rapid* frames are undistorted and not restored. *DCFI* is the drift-corrected mean of all "
    "frames of a field of view, here {test}, and of the last of a series, {series}. *DLF-Slow* is "
    "a network that has learned to make slow scans of rapid frames, *DLF-DCFI* to make "
    "integrations of them, *DLF-Uncorrected* (`dlf-uncorrected`) slow scans of frames that were "
    "not undistorted first. *DLF-100* to *DLF-2500* have learned from so many frames, times the "
    "scale, of one field of view alone."
)
COUNTED = (
    "Means over fields of view [95 % interval], each field the mean of its frames that every "
    "method was measured on. BM3D, which is slow, counts by fewer of these."
)
VERDICT = f"""\
Values are means over fields of view [95 % interval, by bootstrap over fields]. PSNR without more
is the paper's (`psnr_paper`); gains are in percent of it, orders are differences in dB, paired
field by field, and of *the order* no number is compared. Differences are so taken that what is
above zero speaks for the claim. Beside it stands what PSNR to the simulated truth says of the same
claim.

- *reproduced*: the whole interval lies on the claimed side, though the paper's number need not
  lie in it;
- *not reproduced*: it lies wholly on the other;
- *undecided*: it holds both, or there are fewer than {FEWEST_FIELDS} fields of view, of which even
  full agreement may be chance;
- *not judged*: models of one field of view below scale {FULL:g}, where they have fewer frames.

Intervals are over specimens. One scan, one detector and one training of each model lie behind
all of them: how far another training would come is not in them, and the same seeds on another
processor, which rounds otherwise, are another training. Nor is it made up for that there are many
verdicts: of twenty claims that are not true, chance may bear out one. Of six fields of view such
intervals hold the mean in about 93 % of all cases.

A streak is *gone* where it exceeds the slow scan's own by less than {GONE_DB:g} dB, and *left*
where by more. The paper tells by eye. {GONE_DB:g} dB is our limit: twice the scatter of the measure
for one frame of white noise of 512 x 512 pixels, and far more than that of a mean over many."""


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
    "gain-rest": "Where the specimen's background is outside of that range, these are most pixels.",
    "gain-where": "Which structure has grey values of that range, lines or the background between "
    "them, depends on the specimen and on two extreme pixels of the slow scan.",
    "rapid-dlf-dcfi": "DLF-DCFI learns to take away noise and to keep the lag.",
    "dcfi-slow": "DCFI is the mean of all frames of a field of view; DLF-Slow sees one frame at a "
    "time.",
    "dlf-dcfi-slow": "The two differ in what they learn from alone: DLF-Slow has to undo the lag "
    "as well, DLF-DCFI has targets of more noise and of the same geometry.",
    "streak-slow": "What is above the simulated specimen's own is noise along the scan that was "
    "not taken away, or lag that was not undone: both put power to kx = 0, or take it from "
    "elsewhere, and the measure does not tell them apart.",
    "streak-dcfi": "The streak is made of noise, and an integration of many frames has little.",
    "streak-bm3d": "A filter that is strong enough takes the streak away with the structure.",
    "streak-dlf-dcfi": "A model that learns integrations learns what little streak is left in "
    "them.",
    "follows": "The simulated specimen itself, which a perfect restoration would show, parts from "
    "the slow scan where that becomes noise. Farther than this a frame follows by noise alone.",
    "series": "Aluminium shows wider lines at another contrast than the steel that the model has "
    "learned from.",
    "uncorrected": "What such a model restores is undistorted afterwards, by the same map: it "
    "differs from DLF-Slow in what it has learned, not in where its columns lie.",
    "uncorrected-lines": "What such a model restores is undistorted afterwards, by the same map, "
    "and one offset of each field of view is taken off: what is left is how lines are drawn.",
}
PAPER_PSNR = (
    *("gain", "gain-mid", "gain-rest", "gain-where", "rapid-dcfi", "rapid-dlf-dcfi", "dcfi-slow"),
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
        "The paper's models see each frame stretched from its own minimum to its maximum: of a "
        "noisy frame, between two outliers that a patch of 64 pixels does not show. A model of "
        "many fields of view is asked for grey levels that it cannot know; one of a single field "
        "is always asked for the same ones. `dlf-robust` is the same network, of the same frames "
        "and steps, with one scale for all frames: where its interval and that of DLF-Slow lie "
        "apart, intensities are the likely cause, not the size of the run; both were trained but "
        "once. Dose and detector of the simulation are fixed, so that one scale fits all frames "
        "better than it may at a microscope.",
        (
            *("gain", "gain-mid", "gain-rest", "gain-where", "dcfi-slow", "dlf-dcfi-slow"),
            *("series", "frames-2500"),
        ),
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
        "much that is. Far below the slow scan is no virtue: a Wiener filter empties kx = 0, "
        "where noise outweighs the specimen.",
        ("streak-slow", "streak-dcfi", "streak-bm3d", "streak-dlf-dcfi"),
    ),
    "Where spectra part": Reason(
        "The comparison ends where the slow scan is noise itself, which a restored frame is not: "
        "how far it can go is set by the slow scan's dose and by how fine the specimen is. Noise "
        "as strong as the structure that was lost raises it; ring correlation is not taken in. "
        "Spectra that run close together may part early in one frame and late in the next.",
        ("follows", "follows-single"),
    ),
    "One field of view": Reason(
        "These models learn at rates of their own: 1e-5 for DLF-100 is the paper's, 1e-4 for "
        "DLF-500 and DLF-1000 and 1e-3 for DLF-2500 were chosen here. So more than the number of "
        "frames differs from one to the next; and all learned at another pixel size than that of "
        "the test fields.",
        ("follows-single", "frames-500", "frames-1000", "frames-2500"),
    ),
}
