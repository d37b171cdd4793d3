"""Called by forest.sh, which says what for: forest.py BINARY speed|quality|scorings|names [DATA]."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import isotree
import numpy as np
import pandas
from coniferest.isoforest import IsolationForest as Coniferest
from sklearn.ensemble import IsolationForest as ScikitLearn
from sklearn.metrics import average_precision_score, roc_auc_score

TREES, SAMPLES, ROUNDS, SEEDS = 100, 256, 5, 10

# isotree's settings for the papers, from its documentation.
PRESETS = {
    "iforest": dict(ndim=1, max_depth=8),
    "extended": dict(ndim=2, max_depth=8, coefs="uniform", standardize_data=False, penalize_range=True),
    "sciforest": dict(ndim=2, max_depth=8, coefs="normal", ntry=10, prob_pick_avg_gain=1, penalize_range=True),
    "fair-cut": dict(ndim=2, max_depth=None, coefs="normal", ntry=1, prob_pick_pooled_gain=1, penalize_range=True),
}


def iso(preset, seed):
    # isotree gives tree i the seed `random_seed` + i: neighbouring seeds would be nearly the same forest.
    return isotree.IsolationForest(
        ntrees=TREES, sample_size=SAMPLES, missing_action="fail", nthreads=1, random_seed=10_000 * seed, **PRESETS[preset]
    )


def ours(binary, preset, width, seeds, train, test, scores=None, threads=1):
    command = [binary, preset, width, TREES, SAMPLES, seeds, train, test] + ([scores] if scores else [])
    told = subprocess.run(
        [str(word) for word in command],
        check=True, capture_output=True, text=True, env=dict(os.environ, RAYON_NUM_THREADS=str(threads)),
    )
    return [json.loads(line) for line in told.stdout.splitlines()]


def cpu(work):
    begun = time.process_time()
    work()
    return time.process_time() - begun


def speed(binary, folder):
    rows = np.random.default_rng(0).normal(size=(1_000_000, 32)).astype("<f4")
    train, test = folder / "train", folder / "test"
    rows[:100_000].tofile(train)
    rows.tofile(test)
    wide = np.asfortranarray(rows, dtype=np.float64)  # what isotree likes best
    rows_f64 = rows.astype(np.float64)
    peers = {
        "scikit-learn": lambda: (ScikitLearn(n_estimators=TREES, max_samples=SAMPLES, n_jobs=1), rows, "score_samples"),
        "coniferest": lambda: (Coniferest(n_trees=TREES, n_subsamples=SAMPLES, n_jobs=1), rows_f64, "score_samples"),
    } | {f"isotree {preset}": lambda preset=preset: (iso(preset, 0), wide, "predict") for preset in PRESETS}
    fit, score, clock, single, busiest = {}, {}, {}, {}, {}
    for round in range(ROUNDS):
        for name, make in peers.items():
            model, data, method = make()
            part = data[:100_000] if data.flags.c_contiguous else np.asfortranarray(data[:100_000])
            fit.setdefault(name, []).append(cpu(lambda: model.fit(part)))
            score.setdefault(name, []).append(cpu(lambda: getattr(model, method)(data)))
        for preset in PRESETS:
            for threads in (1, 2):
                # As warm as the peers, which stay in memory from round to round: the first forest of a process is not counted.
                [_, told] = ours(binary, preset, 32, 2, train, test, threads=threads)
                clock.setdefault((preset, threads), []).append(told["clock"])
                if threads == 1:
                    fit.setdefault(preset, []).append(told["fit"])
                    score.setdefault(preset, []).append(told["score"])
                    single.setdefault(preset, []).append(told["row_us"])
                else:
                    busiest.setdefault(preset, []).append(told["busiest"])
        print(f"round {round + 1} of {ROUNDS}", file=sys.stderr)
    median = statistics.median
    print(f"{TREES} trees × {SAMPLES} samples, 1,000,000 × 32; CPU seconds on one thread, medians of {ROUNDS}")
    print(f"{'':20} {'fit':>7} {'score':>7}")
    for name in [*peers, *PRESETS]:
        print(f"{name:20} {median(fit[name]):7.3f} {median(score[name]):7.3f}")
    for preset in PRESETS:
        beside = [f"isotree {preset}"] + (["scikit-learn", "coniferest"] if preset == "iforest" else [])
        ratios = ", ".join(f"1/{median(score[name]) / median(score[preset]):.1f} of {name}" for name in beside)
        faster = min(clock[preset, 1]) / min(clock[preset, 2])
        print(f"{preset}: {ratios}; fit 1/{median(fit[beside[0]]) / median(fit[preset]):.1f};", end=" ")
        shared = min(score[preset]) / min(busiest[preset])
        print(f"two threads {faster:.2f} times as fast (least clock times), the busier has 1/{shared:.2f} of the work;", end=" ")
        print(f"one row {median(single[preset]):.2f} µs")


def tables(adbench):
    """Names of the sets, their rows in standard deviations, and their truth."""
    for path in sorted(pathlib.Path(adbench).glob("*.npz")):
        data = np.load(path)
        rows, truth = data["X"].astype(np.float64), data["y"].astype(int)
        if len(rows) > 50_000:
            chosen = np.sort(np.random.default_rng(0).choice(len(rows), 50_000, replace=False))
            rows, truth = rows[chosen], truth[chosen]
        spread = rows.std(0)
        yield path.stem, ((rows - rows.mean(0)) / np.where(spread > 0, spread, 1)).astype("<f4"), truth


def judge(truth, scores):
    return roc_auc_score(truth, scores), average_precision_score(truth, scores)


def quality(binary, folder, adbench):
    sets = list(tables(adbench))
    figures = {(preset, who): np.zeros((SEEDS, len(sets), 2)) for preset in PRESETS for who in ("ours", "isotree")}
    for column, (name, rows, truth) in enumerate(sets):
        rows.tofile(folder / "rows")
        wide = np.asfortranarray(rows, dtype=np.float64)
        for preset in PRESETS:
            ours(binary, preset, rows.shape[1], SEEDS, folder / "rows", folder / "rows", folder / "scores")
            for seed, scores in enumerate(np.fromfile(folder / "scores").reshape(SEEDS, -1)):
                figures[preset, "ours"][seed, column] = judge(truth, scores)
                figures[preset, "isotree"][seed, column] = judge(truth, iso(preset, seed).fit(wide).predict(wide))
            means = [figures[preset, who][:, column].mean(0) for who in ("ours", "isotree")]
            print(f"{name:16} {preset:10} " + "   ".join("{:.4f} {:.4f}".format(*mean) for mean in means), flush=True)
    print(f"means over {len(sets)} sets and {SEEDS} seeds ± standard error over seeds; ROC-AUC, average precision")
    for preset in PRESETS:
        for who in ("ours", "isotree"):
            means = figures[preset, who].mean(1)
            error = means.std(0, ddof=1) / np.sqrt(SEEDS)
            print(f"{preset:10} {who:8} " + "   ".join(f"{m:.4f} ± {e:.4f}" for m, e in zip(means.mean(0), error)))


def scorings(binary, folder, adbench):
    sets = [(np.asfortranarray(rows, dtype=np.float64), truth) for _, rows, truth in tables(adbench)]
    metrics = ["depth", "adj_depth", "density", "adj_density", "boxed_ratio", "boxed_density", "boxed_density2"]
    print(f"isotree by what a leaf says; ROC-AUC, average precision, means over {len(sets)} sets and 3 seeds")
    for preset, settings in PRESETS.items():
        for metric in metrics:
            # A box has no sloped sides, and the penalty is of depths.
            if metric.startswith("boxed") and settings["ndim"] > 1:
                continue
            ranged = settings.get("penalize_range", False) and "density" not in metric
            forest = lambda seed: iso(preset, seed).set_params(scoring_metric=metric, penalize_range=ranged)
            told = [judge(truth, forest(seed).fit(rows).predict(rows)) for rows, truth in sets for seed in range(3)]
            print(f"{preset:10} {metric:15} {{:.4f}} {{:.4f}}".format(*np.mean(told, 0)), flush=True)


def rarities(train, test):
    """As tidewatch encodes names: how rare each is in training."""
    total, counts = len(train) + 1, train.value_counts()
    return [np.log(total / counts.reindex(names).clip(lower=1).to_numpy()) for names in (train, test)]


def names(binary, folder, nsl_kdd):
    table = pandas.read_csv(nsl_kdd, header=None)
    attack = (table.pop(41) != "normal").to_numpy()
    table = table.drop(columns=42)
    words = [1, 2, 3]  # protocol, service, flag
    numbers = [column for column in table if column not in words]
    table[numbers] = table[numbers].astype(float)
    for column in words:
        table[column] = pandas.Categorical(table[column])
    dice = np.random.default_rng(1)
    benign, attacks = dice.permutation(np.flatnonzero(~attack)), dice.permutation(np.flatnonzero(attack))
    half = len(benign) // 2
    polluted = np.r_[benign, attacks[: len(benign) // 20]]
    clean = benign[:half], np.r_[benign[half:], attacks]
    gaps = table.copy()
    gaps[numbers] = gaps[numbers].mask(dice.random((len(table), len(numbers))) < 0.1)
    cases = {"clean training": (table, *clean), "5 % attacks": (table, polluted, polluted), "10 % missing": (gaps, *clean)}
    print("NSL-KDD, three columns of names; ROC-AUC, average precision, means over 5 seeds")
    for case, (table, train, test) in cases.items():
        train, test, truth = table.iloc[train], table.iloc[test], attack[test]
        rare = [rarities(train[column], test[column]) for column in words]
        for part, rows in enumerate((train, test)):
            columns = [rows[numbers].to_numpy(), *(both[part][:, None] for both in rare)]
            np.hstack(columns).astype("<f4").tofile(folder / ("train", "test")[part])
        for preset in ("iforest", "fair-cut"):
            ours(binary, preset, table.shape[1], 5, folder / "train", folder / "test", folder / "scores")
            told = {"ours": np.fromfile(folder / "scores").reshape(5, -1)}
            for split in ("subset", "single_categ"):
                models = [iso(preset, seed).set_params(missing_action="impute", categ_split_type=split) for seed in range(5)]
                told[f"isotree {split}"] = [model.fit(train).predict(test) for model in models]
            for who, scores in told.items():
                judged = [judge(truth, one) for one in scores]
                print(f"{case:15} {preset:9} {who:21} {{:.4f}} {{:.4f}}".format(*np.mean(judged, 0)), flush=True)


def main():
    binary, what, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        {"speed": speed, "quality": quality, "scorings": scorings, "names": names}[what](binary, pathlib.Path(folder), *rest)


main()
