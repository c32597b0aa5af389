"""The design parameters of one aircraft variant."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Design:
    """Measurements from which an aircraft is drawn.

    Lengths are in meters, angles in degrees. "Station" means a place along the
    fuselage as a fraction of its length, 0 at the nose and 1 at the end of the
    tail. "Share" means a fraction of the half span, 0 at the center line. A part
    whose size is 0 is left out.

    Args:
        length: Fuselage length.
        width: Largest fuselage width.
        nose: Share of the length over which the nose widens.
        blunt: 0 for a pointed nose (a parabola), 1 for a round one (an ellipse).
        cone: Share of the length over which the tail narrows.
        tail_width: Width at the end of the tail over the largest width.
        wing_at: Station of the wing's leading edge at the center line.
        wing_z: Height of the wing, -1 below to +1 on top of the fuselage.
        span: Wing span.
        root: Wing chord at the center line.
        tip: Wing chord at the tip.
        sweep: Sweep of the wing's leading edge.
        kink: Chord added to the trailing edge at the root, gone at a third of
            the half span.
        strake: Chord added to the leading edge at the root, gone at a third of
            the half span.
        tip_round: 0 for a straight tip, 1 for an elliptic one.
        winglet: Length of the swept piece beyond the tip.
        tip_tank: Length of the tanks on the wing tips.
        tail_at: Station of the tailplane's leading edge at the center line.
        tail_high: 0 for a tailplane on the fuselage, 1 for one on top of the
            fin (T-tail).
        tail_span: Tailplane span.
        tail_root: Tailplane chord at the center line.
        tail_tip: Tailplane chord at the tip.
        tail_sweep: Sweep of the tailplane's leading edge.
        fin: Height of the fin.
        fin_root: Chord of the fin at its foot; its leading edge sweeps 40
            degrees and its trailing edge starts at the end of the tail.
        fin_y: Distance of each of two fins from the center line; 0 for one fin.
        canard_at: Station of the foreplane.
        canard_span: Foreplane span.
        canard_root: Foreplane chord at the center line.
        pods: Number of engines on each wing, 0, 1 or 2.
        pod_y: Share at which the inner engine hangs.
        pod_y2: Share at which the outer engine hangs.
        pod_length: Length of a wing engine.
        pod_radius: Radius of a wing engine.
        pod_forward: How far a wing engine reaches ahead of the leading edge.
        pod_prop: Radius of a wing engine's propeller; 0 for a jet.
        rear_length: Length of the engines at the sides of the rear fuselage.
        rear_radius: Radius of these engines.
        rear_at: Station where these engines begin.
        center_engine: 1 for one more engine at the root of the fin.
        nose_prop: Radius of the propeller at the nose.
        boom_y: Distance of each of two tail booms from the center line.
        canopy_at: Station where the cockpit glass begins.
        canopy_length: Length of the cockpit glass.
        window_from: Station of the first cabin window.
        window_to: Station of the last cabin window.
        window_pitch: Distance between windows; 0 for no windows.
        dome: Radius of the radar dome above the fuselage.
        dome_at: Station of the dome's center.
    """

    length: float = 38.0
    width: float = 4.0
    nose: float = 0.13
    blunt: float = 0.8
    cone: float = 0.32
    tail_width: float = 0.2
    wing_at: float = 0.34
    wing_z: float = -0.6
    span: float = 36.0
    root: float = 6.5
    tip: float = 1.8
    sweep: float = 27.0
    kink: float = 0.0
    strake: float = 0.0
    tip_round: float = 0.0
    winglet: float = 0.0
    tip_tank: float = 0.0
    tail_at: float = 0.86
    tail_high: float = 0.0
    tail_span: float = 13.0
    tail_root: float = 4.0
    tail_tip: float = 1.6
    tail_sweep: float = 33.0
    fin: float = 6.0
    fin_root: float = 6.0
    fin_y: float = 0.0
    canard_at: float = 0.15
    canard_span: float = 0.0
    canard_root: float = 0.0
    pods: float = 0.0
    pod_y: float = 0.33
    pod_y2: float = 0.6
    pod_length: float = 4.5
    pod_radius: float = 1.2
    pod_forward: float = 2.6
    pod_prop: float = 0.0
    rear_length: float = 0.0
    rear_radius: float = 0.0
    rear_at: float = 0.7
    center_engine: float = 0.0
    nose_prop: float = 0.0
    boom_y: float = 0.0
    canopy_at: float = 0.035
    canopy_length: float = 1.8
    window_from: float = 0.14
    window_to: float = 0.78
    window_pitch: float = 0.0
    dome: float = 0.0
    dome_at: float = 0.6


def stack(designs: list[Design]) -> dict[str, np.ndarray]:
    """Turn designs into one float32 column per parameter.

    Args:
        designs: List of `K` designs.

    Returns:
        Dictionary from parameter name to a float32 array `[K, 1]`, ready to be
        indexed with labels and to broadcast against pixels.

    Example:

    >>> stack([Design(span=30.0), Design(span=34.0)])["span"].ravel()
    array([30., 34.], dtype=float32)
    """
    rows = [asdict(design) for design in designs]
    return {name: np.array([[row[name]] for row in rows], np.float32) for name in rows[0]}
