//! Small dense linear algebra: what the mixture needs, and no more.

use ndarray::Array2;

/// Eigenvalues, largest first, and their unit eigenvectors (as rows) of a symmetric matrix, by cyclic Jacobi rotations
/// (Golub, Van Loan: Matrix Computations, §8.5): slow for large matrices, exact and without failure for ours.
pub fn symmetric(mut a: Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let n = a.nrows();
    let mut vectors = Array2::eye(n);
    let scale = a.iter().map(|value| value * value).sum::<f64>();
    for _sweep in 0..50 {
        let off: f64 = a.indexed_iter().filter(|((i, j), _)| i < j).map(|(_, value)| value * value).sum();
        if off <= scale * 1e-24 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[[p, q]].abs() < f64::MIN_POSITIVE {
                    continue;
                }
                // The rotation by the angle that makes a[p, q] vanish; the smaller root turns least.
                let theta = (a[[q, q]] - a[[p, p]]) / (2.0 * a[[p, q]]);
                let tan = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let cos = 1.0 / tan.hypot(1.0);
                let sin = tan * cos;
                for k in 0..n {
                    let (x, y) = (a[[k, p]], a[[k, q]]);
                    (a[[k, p]], a[[k, q]]) = (cos * x - sin * y, sin * x + cos * y);
                }
                for matrix in [&mut a, &mut vectors] {
                    for k in 0..n {
                        let (x, y) = (matrix[[p, k]], matrix[[q, k]]);
                        (matrix[[p, k]], matrix[[q, k]]) = (cos * x - sin * y, sin * x + cos * y);
                    }
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]]));
    let values = order.iter().map(|&i| a[[i, i]]).collect();
    (values, vectors.select(ndarray::Axis(0), &order))
}

/// The lower triangle L, row by row as a square, with L·Lᵀ = `a`; none if `a` is not positive definite.
pub fn cholesky(a: &Array2<f64>) -> Option<Vec<f64>> {
    let n = a.nrows();
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let rest = a[[i, j]] - (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum::<f64>();
            l[i * n + j] = match i == j {
                true if rest > 0.0 && rest.is_finite() => rest.sqrt(),
                true => return None,
                false => rest / l[j * n + j],
            };
        }
    }
    Some(l)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        // Eigenvalues 3 and 1 with (1, 1) and (1, −1).
        let (values, vectors) = symmetric(array![[2.0, 1.0], [1.0, 2.0]]);
        assert!((values[0] - 3.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
        assert!((vectors[[0, 0]] - vectors[[0, 1]]).abs() < 1e-12);

        let root = crate::model::testing::blob(9, 7, 2).mapv(f64::from);
        let matrix = root.t().dot(&root);
        let (values, vectors) = symmetric(matrix.clone());
        let rebuilt = (&vectors.t() * &ndarray::Array1::from(values.clone())).dot(&vectors);
        assert!((rebuilt - matrix).iter().all(|error| error.abs() < 1e-10));
        assert!(values.is_sorted_by(|a, b| a >= b));
        assert_eq!(symmetric(Array2::zeros((3, 3))), (vec![0.0; 3], Array2::eye(3)));
    }

    #[test]
    fn the_factor_of_a_known_matrix() {
        assert_eq!(cholesky(&array![[4.0, 2.0], [2.0, 10.0]]), Some(vec![2.0, 0.0, 1.0, 3.0]));
        assert_eq!(cholesky(&array![[1.0, 2.0], [2.0, 1.0]]), None);
        assert_eq!(cholesky(&array![[f64::NAN]]), None);
    }
}
