use super::*;
use crate::model::testing::{auc, blob, in_pool};
use linfa::traits::Predict;
use ndarray::{Array2, Axis, Slice, array, concatenate};

const PRESETS: [Preset; 4] = [Preset::Iforest, Preset::Extended, Preset::SciForest, Preset::FairCut];

fn plant(preset: Preset, rows: &Array2<f32>) -> IsolationForest {
    IsolationForest::params().preset(preset).trees(50).seed(7).fit(&DatasetBase::from(rows.view())).unwrap()
}

fn fit(rows: &Array2<f32>) -> IsolationForest {
    IsolationForest::params().trees(50).seed(7).fit(&DatasetBase::from(rows.view())).unwrap()
}

#[test]
fn the_mean_search_path_is_that_of_the_paper() {
    assert_eq!(mean_search_path(1), 0.0);
    assert_eq!(mean_search_path(2), 1.0);
    // 2 (1 + 1/2) − 2 · 2/3
    assert!((mean_search_path(3) - 5.0 / 3.0).abs() < 1e-12);
    // The paper's 10.2448 takes ln i + 0.5772 for the harmonic number.
    assert!((mean_search_path(256) - 10.2487).abs() < 1e-4);
}

#[test]
fn two_rows_are_cut_apart_once() {
    let forest = fit(&array![[0.0, 5.0], [1.0, 5.0]]);
    for tree in &forest.trees {
        // A root and two leaves; feature 1 is constant and never cut.
        assert_eq!((tree.height, tree.nodes.len()), (1, 3));
        assert!(tree.features.iter().all(|&feature| feature == 0));
        assert!(tree.nodes.iter().all(|node| node.path == 1.0));
    }
    let scores = forest.predict(&array![[0.0_f32, 5.0], [1.0, 5.0], [9.0, 9.0]]);
    assert_eq!(scores, array![0.5, 0.5, 0.5]);
}

#[test]
fn constant_features_are_drawn_again() {
    let mut rows = blob(300, 20, 1);
    rows.slice_axis_mut(Axis(1), Slice::from(1..)).fill(4.0);
    let forest = fit(&rows);
    // Were they not, nineteen trees in twenty would be a single leaf.
    assert!(forest.trees.iter().all(|tree| tree.nodes.len() > 30));
    let mut far = rows.row(0).to_owned();
    far[0] = 30.0;
    assert!(forest.score(far.view().insert_axis(Axis(0)))[0] > 0.7);
}

#[test]
fn rows_that_are_all_equal_or_alone_score_a_half() {
    for rows in [Array2::from_elem((40, 3), 2.5), array![[1.0, 2.0, 3.0]]] {
        let forest = fit(&rows);
        assert_eq!(forest.check(3), Ok(()));
        for score in forest.predict(&array![[2.5_f32, 2.5, 2.5], [1e3, -1e3, 0.0]]) {
            assert!((score - 0.5).abs() < 1e-6);
        }
    }
}

#[test]
fn outliers_score_higher_than_the_blob() {
    let benign = blob(2000, 8, 3);
    let outliers = blob(60, 8, 4) * 4.0;
    let both = concatenate(Axis(0), &[benign.view(), outliers.view()]).unwrap();
    let scores = fit(&both).predict(&both);
    let auc = {
        let (benign, outliers) = scores.view().split_at(Axis(0), 2000);
        auc(benign, outliers)
    };
    assert!(auc > 0.98, "{auc}");
}

#[test]
fn contributions_sum_to_what_the_path_is_shorter_and_name_the_feature() {
    let rows = blob(1000, 6, 5);
    for preset in PRESETS {
        let forest = plant(preset, &rows);
        for (feature, value) in [(4, 12.0), (1, 0.1)] {
            let mut odd = rows.row(0).to_owned();
            odd[feature] = value;
            let score = forest.score(odd.view().insert_axis(Axis(0)))[0];
            let path = -score.log2() * mean_search_path(256);
            let steps = forest.shortened_by(odd.view());
            assert!((steps.iter().sum::<f64>() - (forest.baseline_path() - path)).abs() < 1e-6, "{preset:?}");
            let contributions = forest.explain(odd.view());
            let baseline = forest.score_of_path()(forest.baseline_path());
            assert!((contributions.iter().sum::<f64>() - (score - baseline)).abs() < 1e-9, "{preset:?}");
            let most = contributions.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            assert!(value < 1.0 || most == feature, "{preset:?}: {contributions:?}");
        }
    }
}

#[test]
fn neither_threads_nor_neighbours_change_a_bit() {
    let mut rows = blob(700, 5, 6);
    rows[[3, 2]] = f32::NAN;
    for preset in PRESETS {
        let run = || {
            let forest = plant(preset, &rows);
            let scores = forest.score(rows.view());
            (forest, scores)
        };
        let (forest, scores) = in_pool(1, run);
        assert_eq!(in_pool(2, run), (forest.clone(), scores.clone()));
        for i in 0..700 {
            let alone = forest.score(rows.slice_axis(Axis(0), Slice::from(i..=i)))[0];
            assert_eq!(alone.to_bits(), scores[i].to_bits(), "{preset:?}, row {i}");
        }
        // A few rows walk, and are not a multiple of those that walk abreast.
        let few = Slice::from(0..13);
        assert_eq!(forest.score(rows.slice_axis(Axis(0), few)), scores.slice_axis(Axis(0), few));
        // Column-major rows, as a table gives them.
        assert_eq!(forest.score(rows.t().as_standard_layout().t()), scores);
    }
}

/// Rows that lie on cuts, or as near them as `f32` can tell, and rows at both zeros, at the ends of `f32` (where a sloped cut sees what is no
/// number), far out and nowhere.
fn close_calls(forest: &IsolationForest, rows: &Array2<f32>) -> Array2<f32> {
    let mut close = Vec::new();
    for tree in forest.trees.iter().step_by(8) {
        for (at, node) in tree.nodes.iter().enumerate().filter(|(_, node)| !node.threshold.is_nan()) {
            let mut row = rows.row(at).to_vec();
            let (feature, value) = match tree.cut(at) {
                ([feature], _) => (*feature as usize, node.threshold),
                (features, weights) => {
                    let [a, b] = [features[0] as usize, features[1] as usize];
                    let rest = node.threshold - weights[0] * (row[a] - forest.centre[a]);
                    (b, rest / weights[1] + forest.centre[b])
                }
            };
            for value in [value.next_down(), value, value.next_up()] {
                row[feature] = value;
                close.extend_from_slice(&row);
            }
        }
    }
    let odd = [0.0, -0.0, 1e-45, 1e3, -1e3, f32::MAX, f32::MIN, f32::NAN];
    close.extend((0..512).flat_map(|i| [odd[i % 8], odd[i / 8 % 8], odd[i / 64]]));
    Array2::from_shape_vec((close.len() / 3, 3), close).unwrap()
}

#[test]
fn many_rows_at_once_decide_as_each_alone_where_it_is_close() {
    let rows = blob(900, 3, 2).mapv(|value| (value * 4.0).round() / 4.0);
    for preset in PRESETS {
        let forest = IsolationForest::params().preset(preset).trees(150).fit(&DatasetBase::from(rows.view())).unwrap();
        if preset == Preset::Iforest {
            let Some(ranked) = forest.ranked(MANY) else { panic!("these trees can be ranked") };
            assert!(
                format!("{ranked:?}").matches("Group").count() > 1,
                "three features, and thresholds for one group only"
            );
        }
        let hard = close_calls(&forest, &rows);
        let scores = forest.score(hard.view());
        for i in 0..hard.nrows() {
            let alone = forest.score(hard.slice_axis(Axis(0), Slice::from(i..=i)))[0];
            assert_eq!(alone.to_bits(), scores[i].to_bits(), "{preset:?}, {:?}", hard.row(i));
        }
    }
}

/// The tree as it was grown says what the layouts for speed have to say.
#[test]
fn every_layout_walks_as_the_tree_itself() {
    let rows = blob(300, 5, 18) * 3.0;
    for preset in PRESETS {
        for dims in [1, 2, 3] {
            let params = IsolationForest::params().preset(preset).dims(dims).trees(21).seed(5);
            let forest = params.fit(&DatasetBase::from(blob(600, 5, 17).view())).unwrap();
            let mut prepared = Vec::new();
            forest.prepare(rows.as_slice().unwrap(), &mut prepared);
            let score_of_path = forest.score_of_path();
            let score = |row: &[f32]| score_of_path(forest.trees.iter().map(|tree| tree.path(row)).sum::<f64>() / 21.0);
            let scores: Vec<f64> = prepared.chunks_exact(5).map(score).collect();
            assert_eq!(forest.score(rows.view()).to_vec(), scores, "{preset:?}, {dims}: many");
            let few = rows.slice_axis(Axis(0), Slice::from(..5));
            assert_eq!(forest.score(few).to_vec(), scores[..5], "{preset:?}, {dims}: a few");
        }
    }
}

#[test]
fn every_preset_grows_as_its_paper_says() {
    let rows = blob(2000, 6, 12);
    for preset in PRESETS {
        let forest = plant(preset, &rows);
        assert_eq!(forest.check(6), Ok(()));
        let tall = forest.trees.iter().map(|tree| tree.height).max().unwrap();
        assert_eq!(tall > 8, preset == Preset::FairCut, "{preset:?}: {tall}");
        assert_eq!(forest.trees[0].dims(), if preset == Preset::Iforest { 1 } else { 2 });
        let ranged = forest.trees[0].nodes[0].range.is_finite();
        assert_eq!(ranged, preset != Preset::Iforest);
    }
    // Until all are alone or two, which are as deep as if they were parted.
    for tree in plant(Preset::FairCut, &rows).trees {
        let leaves = tree.nodes.iter().enumerate().filter(|(at, node)| node.left as usize == *at).count();
        assert!((128..256).contains(&leaves), "{leaves}");
        assert_eq!(tree.nodes.len(), 2 * leaves - 1);
    }
}

/// Around a ring the axes see nothing; sloped cuts see the hole hardly better, but gains do not lose the cluster.
#[test]
fn every_preset_finds_a_cluster_of_anomalies() {
    let benign = blob(2000, 4, 3);
    let cluster = blob(20, 4, 4) * 0.1 + 5.0;
    let both = concatenate(Axis(0), &[benign.view(), cluster.view()]).unwrap();
    for preset in PRESETS {
        let scores = plant(preset, &both).predict(&both);
        let (benign, cluster) = scores.view().split_at(Axis(0), 2000);
        let auc = auc(benign, cluster);
        assert!(auc > 0.99, "{preset:?}: {auc}");
    }
}

#[test]
fn a_missing_value_counts_as_the_median() {
    let mut rows = blob(800, 4, 21);
    for i in (0..800).step_by(3) {
        rows[[i, 1]] = f32::NAN;
    }
    rows.column_mut(3).fill(f32::NAN);
    for preset in PRESETS {
        let forest = plant(preset, &rows);
        assert_eq!((forest.check(4), forest.centre[3]), (Ok(()), 0.0));
        let mut filled = rows.clone();
        filled.indexed_iter_mut().filter(|(_, v)| v.is_nan()).for_each(|((_, j), v)| *v = forest.centre[j]);
        assert_eq!(forest.score(rows.view()), forest.score(filled.view()));
    }
}

#[test]
fn a_forest_renewed_in_steps_is_one_renewed_at_once() {
    let (old, new) = (blob(600, 3, 31), blob(600, 3, 32) + 3.0);
    for preset in PRESETS {
        let forest = plant(preset, &old);
        let (mut steps, mut once) = (forest.clone(), forest.clone());
        steps.renew(new.view(), 20).unwrap();
        steps.renew(new.view(), 30).unwrap();
        once.renew(new.view(), 50).unwrap();
        assert_eq!((&steps, steps.check(3)), (&once, Ok(())));
        assert!(steps.score(new.view()).mean() < forest.score(new.view()).mean());
        assert!(steps.score(old.view()).mean() > forest.score(old.view()).mean());
    }
    // The youngest trees are those that stay.
    let mut forest = plant(Preset::Iforest, &old);
    let before = forest.trees.clone();
    forest.renew(new.view(), 20).unwrap();
    assert_eq!(forest.trees[..30], before[20..]);
    for (rows, trees) in [(blob(255, 3, 1), 1), (blob(600, 4, 1), 1), (new.clone(), 51), (new * f32::INFINITY, 1)] {
        assert!(forest.renew(rows.view(), trees).is_err());
    }
}

#[test]
fn cuts_of_any_number_of_features_agree_with_themselves() {
    let rows = blob(400, 7, 40);
    for dims in [1, 2, 3, 5, 7, 100] {
        let params = IsolationForest::params().dims(dims).trees(20).depth(Depth::AtMost(5));
        let forest = params.fit(&DatasetBase::from(rows.view())).unwrap();
        assert_eq!(forest.check(7), Ok(()));
        assert!(forest.trees.iter().all(|tree| tree.height <= 5));
        let score = forest.score(rows.slice_axis(Axis(0), Slice::from(0..1)))[0];
        let steps: f64 = forest.shortened_by(rows.row(0)).iter().sum();
        let path = -score.log2() * mean_search_path(256);
        assert!((steps - (forest.baseline_path() - path)).abs() < 1e-6, "{dims}");
    }
}

#[test]
fn a_forest_survives_its_file_to_the_bit() {
    for preset in PRESETS {
        let forest = plant(preset, &blob(300, 4, 9));
        let bytes = bincode::serde::encode_to_vec(&forest, bincode::config::standard()).unwrap();
        let (read, _): (IsolationForest, _) =
            bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).unwrap();
        assert_eq!(forest, read);
        assert_eq!(read.check(4), Ok(()));
    }
}

#[test]
fn bad_parameters_and_rows_are_refused() {
    let params = IsolationForest::params;
    let rows = DatasetBase::from(array![[1.0_f32], [f32::INFINITY]]);
    assert!(matches!(params().trees(0).fit(&rows), Err(ForestError::Trees(0))));
    assert!(matches!(params().samples(1).fit(&rows), Err(ForestError::Samples(1))));
    assert!(matches!(params().dims(0).fit(&rows), Err(ForestError::Dims)));
    assert!(matches!(params().place(Place::Pooled, 0).fit(&rows), Err(ForestError::Tries(0))));
    assert!(matches!(params().depth(Depth::AtMost(0)).fit(&rows), Err(ForestError::Depth)));
    assert!(matches!(params().fit(&rows), Err(ForestError::Infinite(1, 0))));
    let none = DatasetBase::from(Array2::<f32>::zeros((0, 3)));
    assert!(matches!(params().fit(&none), Err(ForestError::Empty(0, 3))));
}

#[test]
fn a_damaged_forest_is_refused() {
    for preset in PRESETS {
        let good = plant(preset, &blob(300, 4, 8));
        assert_eq!(good.check(4), Ok(()));
        assert!(good.check(5).is_err());
        let nodes = &good.trees[1].nodes;
        let inner = nodes.iter().position(|node| !node.threshold.is_nan()).unwrap();
        let leaf = nodes.iter().position(|node| node.threshold.is_nan()).unwrap();
        let damages: [&dyn Fn(&mut IsolationForest); 22] = [
            &|forest| forest.trees[1].features[inner] = 4,
            &|forest| forest.trees[1].nodes[inner].left = u32::MAX,
            &|forest| forest.trees[1].nodes[inner].left = inner as u32,
            &|forest| forest.trees[1].nodes[inner].left += 1,
            &|forest| forest.trees[1].nodes[inner].threshold = f32::NAN,
            &|forest| forest.trees[1].nodes[inner].range = f32::NAN,
            &|forest| forest.trees[1].nodes[inner].range = -1.0,
            &|forest| forest.trees[1].nodes[leaf].threshold = 0.0,
            &|forest| forest.trees[1].nodes[leaf].range = 0.0,
            &|forest| forest.trees[1].nodes[leaf].path = f32::INFINITY,
            &|forest| forest.trees[1].height -= 1,
            &|forest| forest.trees[1].nodes.clear(),
            &|forest| forest.trees[1].features.truncate(3),
            &|forest| forest.trees[1].weights.push(0.0),
            &|forest| forest.trees.clear(),
            &|forest| forest.recipe.dims = 3,
            &|forest| forest.recipe.tries = 0,
            &|forest| forest.samples = 0,
            &|forest| forest.grown = 3,
            &|forest| forest.grown = u32::MAX,
            &|forest| forest.centre[2] = f32::NAN,
            &|forest| forest.centre.truncate(2),
        ];
        for (i, damage) in damages.iter().enumerate() {
            let mut bad = good.clone();
            damage(&mut bad);
            assert!(bad.check(4).is_err(), "{preset:?}, damage {i}");
        }
    }
}
