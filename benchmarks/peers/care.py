"""CAREamics' CARE with its default settings, on arrays that a benchmark wrote.

    python care.py PAIRS.npz STEPS RESTORED.npy

The file holds `rapid` and `target` (n, y, x) to learn from and `frames` (m, y, x) to restore.
"""

import sys
import tempfile

import numpy as np
from careamics import CAREamist
from careamics.config import create_care_config

PATCH, BATCH = 64, 32


def main(pairs: str, steps: int, restored: str) -> None:
    """Train for so many steps, restore the frames."""
    data = np.load(pairs)
    count, height, width = data["rapid"].shape
    per_epoch = count * (height // PATCH) * (width // PATCH) // BATCH
    config = create_care_config(
        experiment_name="care",
        data_type="array",
        axes="SYX",
        patch_size=[PATCH, PATCH],
        batch_size=BATCH,
        num_epochs=max(round(steps / per_epoch), 1),
        num_steps=min(steps, per_epoch),
        n_val_patches=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        network = CAREamist(config, work_dir=folder, enable_progress_bar=False)
        # Its last fields of view tell it when to slow down.
        held = max(count // 8, 1)
        network.train(
            train_data=data["rapid"][:-held],
            train_data_target=data["target"][:-held],
            val_data=data["rapid"][-held:],
            val_data_target=data["target"][-held:],
        )
        made, _ = network.predict(data["frames"])
    np.save(restored, np.stack([np.squeeze(image) for image in made]).reshape(data["frames"].shape))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
