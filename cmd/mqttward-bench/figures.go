package main

import (
	"math"
	"slices"
)

// median returns the middle of values, or the mean of the two in the middle; NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	middle := len(v) / 2
	if len(v)%2 == 0 {
		return (v[middle-1] + v[middle]) / 2
	}
	return v[middle]
}

// percentile returns the value that p per cent of sorted are not above (the nearest rank);
// zero of none.
func percentile[T any](sorted []T, p float64) T {
	if len(sorted) == 0 {
		var none T
		return none
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// slope returns by how much y grows for each one of x, from one point to another.
func slope(x1, y1, x2, y2 float64) float64 { return (y2 - y1) / (x2 - x1) }
