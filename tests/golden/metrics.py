#!/usr/bin/env python3
"""Makes metrics.csv: what scikit-learn and the authors' VUS say of random and of degenerate vectors.

    pip install scikit-learn==1.9.1 vus==0.0.6 && tests/golden/metrics.py > tests/golden/metrics.csv

A vector is made from its seed alone, here and in tests/golden_metrics.rs, so that the file holds only what comes of it:
seed, length, levels (how many scores differ at most; 0: all), rarity (one row in so many is an attack; 0: none, 1: all),
roc_auc, average_precision, and at the threshold of the median score precision, recall, f1; then the volume under the surface.
An empty field is what scikit-learn leaves undefined.
"""
import warnings

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score
from vus.utils.metrics import metricor

warnings.simplefilter("ignore")
MASK = (1 << 64) - 1


def splitmix(state):
    """Steele, Lea & Flood 2014: the next state, and the number that it gives."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def vector(seed, length, levels, rarity):
    state, scores, attack = seed, [], []
    for _ in range(length):
        state, number = splitmix(state)
        is_attack = rarity > 0 and number % rarity == 0
        state, number = splitmix(state)
        score = (number >> 11) / (1 << 53)
        score = (score + 1.0) / 2.0 if is_attack else score
        scores.append(float(np.floor(score * levels)) if levels else score)
        attack.append(int(is_attack))
    return np.array(scores), np.array(attack)


print("seed,length,levels,rarity,roc_auc,average_precision,precision,recall,f1,vus_pr")
for seed in range(1000):
    length = 2 + seed * 37 % 199
    levels = [0, 0, 1, 2, 5, 20, 1000][seed % 7]
    rarity = [2, 3, 10, 30, 2, 0, 1, 5][seed % 8 if seed % 40 < 8 else seed % 4]
    scores, attack = vector(seed, length, levels, rarity)
    both = 0 < attack.sum() < length
    alerts = (scores >= np.sort(scores)[length // 2]).astype(int)
    precision, recall, f1, _ = precision_recall_fscore_support(attack, alerts, average="binary", zero_division=0)
    figures = [
        roc_auc_score(attack, scores) if both else None,
        average_precision_score(attack, scores) if both else None,
        precision,
        recall,
        f1,
        metricor().RangeAUC_volume_opt(attack, scores, 6, thre=length)[5] if both else None,
    ]
    print(",".join([str(n) for n in (seed, length, levels, rarity)] + ["" if f is None else repr(float(f)) for f in figures]))
