"""Called by adbench.sh, which says what for: adbench.py BINARY ADBENCH all|clean MODEL."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

MOST_ROWS = 50_000
SEEDS = int(os.environ.get("SEEDS", 10))


def cases(path, what):
    """Rows of training, rows of the test and their truth."""
    data = np.load(path)
    rows, truth = data["X"].astype(np.float32), data["y"].astype(int)
    if len(rows) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(len(rows), MOST_ROWS, replace=False))
        rows, truth = rows[chosen], truth[chosen]
    if what == "all":
        yield rows, rows, truth
        return
    for seed in range(SEEDS):
        benign = np.random.default_rng(seed).permutation(np.flatnonzero(truth == 0))
        half = len(benign) // 2
        test = np.r_[benign[half:], np.flatnonzero(truth)]
        yield rows[benign[:half]], rows[test], truth[test]


def table(path, rows, truth=None):
    names = [f"x{column}" for column in range(rows.shape[1])]
    if truth is not None:
        rows, names = np.c_[rows, truth], [*names, "attack"]
    np.savetxt(path, rows, delimiter=",", fmt="%.9g", header=",".join(names), comments="")
    return path


def ours(binary, folder, model, seed, train, test, truth):
    fitted = folder / "model"
    call = lambda *words: subprocess.run(list(map(str, (binary, *words))), check=True, capture_output=True, text=True).stdout
    call("train", table(folder / "train.csv", train), "-o", fitted, "--model", model, "--seed", seed)
    told = json.loads(
        # Where all rows are both, the overlap is what is asked for.
        call("evaluate", fitted, table(folder / "test.csv", test, truth), "--label-column", "attack", "--json", "--allow-overlap")
    )
    judged = {"tidewatch " + model: told["overall"]} | {"  " + name: figures for name, figures in told["members"].items()}
    return {name: (figures["roc_auc"], figures["pr_auc"]) for name, figures in judged.items()}


def peers(seed, train, test, truth):
    judged = {}
    scaler = StandardScaler().fit(train)
    for unit, change in (("as they are", lambda rows: rows), ("standardized", scaler.transform)):
        fitted_to, asked = change(train), change(test)
        scores = {
            "isolation forest": -IsolationForest(random_state=seed).fit(fitted_to).score_samples(asked),
            "neighbours": NearestNeighbors(n_neighbors=5).fit(fitted_to).kneighbors(asked)[0][:, -1],
            "local outlier factor": -LocalOutlierFactor(novelty=True).fit(fitted_to).score_samples(asked),
        }
        for name, score in scores.items():
            score = np.nan_to_num(score)
            judged[f"{name}, {unit}"] = roc_auc_score(truth, score), average_precision_score(truth, score)
    return judged


def main():
    binary, adbench, what, model = sys.argv[1:]
    sets = sorted(pathlib.Path(adbench).glob("*.npz"), key=lambda path: path.stat().st_size)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in sets:
            for seed, (train, test, truth) in enumerate(cases(path, what)):
                judged = ours(binary, pathlib.Path(folder), model, seed, train, test, truth) | peers(seed, train, test, truth)
                for name, pair in judged.items():
                    figures.setdefault(name, {}).setdefault(path.stem, []).append(pair)
            print(f"{path.stem}: done", file=sys.stderr)
    print(" " * 32 + " ".join(f"{path.stem.split('_')[-1][:11]:>11}" for path in sets) + "        mean")
    for name, by_set in figures.items():
        means = [np.mean(by_set.get(path.stem, [(np.nan, np.nan)]), 0) for path in sets]
        cells = [f"{roc:.3f}/{ap:.3f}" for roc, ap in means]
        print(f"{name[:31]:32}" + " ".join(f"{cell:>11}" for cell in cells) + "  {:.4f}/{:.4f}".format(*np.mean(means, 0)))


main()
