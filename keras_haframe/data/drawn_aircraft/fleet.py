"""The class tree of the drawn aircraft, and the design of every variant.

All names are invented. Each row of the table below is a node: its name, a colon, and
the design parameters it changes; the indentation is the tree; a row that begins with
a colon continues the one above. A variant starts from the default `Design`, changed
by its manufacturer (coarse traits: wing, engines, tail), then by its family
(proportions), then by itself (a stretch, winglets, windows), so that looking alike
follows the tree.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from keras_haframe.tree import ClassTree

ROOT = "aircraft"

# Airliners, then business and regional jets, propeller transports, light aircraft, fast ones.
FLEET = """
Halvorn: pods=1 window_pitch=1.9 kink=2.2 nose=0.11
  Meridax: width=4.6 span=35
    Meridax 100: length=30
    Meridax 200: length=38
    Meridax 200W: length=38 winglet=4.4
    Meridax 300: length=46 winglet=4.4
  Grandel: length=62 width=7.2 span=61 root=11.5 tip=2.6 sweep=34 kink=3
         : pod_length=8 pod_radius=2.3 pod_forward=4.6 fin=9 fin_root=9.5
         : tail_span=21 tail_root=7 tail_tip=2.4 window_pitch=3 canopy_length=2.6
    Grandel 500:
    Grandel 700: length=76
  Quadrelle: length=66 width=7.2 span=64 root=13 tip=3 sweep=37 kink=3 pods=2 pod_y2=0.66
           : pod_length=6.2 pod_radius=1.6 pod_forward=4.2 fin=10 fin_root=11
           : tail_span=22 tail_root=8 tail_tip=2.6 window_pitch=3 canopy_length=2.6
    Quadrelle 4:
    Quadrelle 6R: window_pitch=0 dome=6.5
Quillane: tail_high=1 tail_at=0.9 nose=0.2 blunt=0.35 cone=0.3 wing_at=0.43
        : window_pitch=1.9 window_to=0.66
  Silvane: length=20 width=2.8 span=20 root=4.2 tip=1.4 sweep=20 fin=3.8 fin_root=4
         : rear_length=3.8 rear_radius=0.85 tail_span=8.6 tail_root=2.4 tail_tip=1.2
         : window_from=0.26 window_pitch=1.6 canopy_at=0.1 canopy_length=1.3
    Silvane S: length=17
    Silvane M:
    Silvane XL: length=24.5 winglet=2
  Corvane: length=36 width=3.7 span=27 root=5 tip=1.6 sweep=26 fin=5 fin_root=5 nose=0.13
         : rear_length=5.2 rear_radius=1.15 tail_span=11 tail_root=3 tail_tip=1.7
    Corvane 70: length=30 wing_at=0.41
    Corvane 90: wing_at=0.45
    Corvane 110: length=42 wing_at=0.47
  Trisette: length=46 width=5.2 span=38 root=8 tip=2.2 sweep=34 fin=7 fin_root=9 nose=0.13
          : blunt=0.6 rear_length=6.4 rear_radius=1.4 center_engine=1 tail_span=15
          : tail_root=4.6 tail_tip=2 window_pitch=2.4
    Trisette 20: length=40
    Trisette 30: length=49 winglet=3
Brumfell: wing_z=1 wing_at=0.38 root=3.6 tip=1.8 sweep=3 tip_round=0.1 tail_sweep=10
        : pods=1 nose=0.12 blunt=0.9 window_pitch=1.7
  Ploverin: length=26 width=3.3 span=28 pod_y=0.3 pod_length=5 pod_radius=0.75
          : pod_forward=2.3 pod_prop=2.1 fin=4.6 fin_root=4.5 tail_high=1 tail_at=0.9
          : tail_span=8.6 tail_root=2.4 tail_tip=1.5
    Ploverin 40: length=22.5
    Ploverin 60: length=29
    Ploverin 60M: length=29 window_pitch=0 dome=3.2 dome_at=0.64
  Drayhorn: length=33 width=5.4 span=42 root=5.4 tip=2.6 wing_at=0.33 nose=0.16 cone=0.4
          : pods=2 pod_y=0.26 pod_y2=0.52 pod_length=5.4 pod_radius=0.95 pod_forward=2.6
          : pod_prop=2.3 fin=7 fin_root=6.5 tail_at=0.85 tail_span=17 tail_root=4.4
          : tail_tip=2.2 window_pitch=0
    Drayhorn C:
    Drayhorn CL: length=41
  Sculler: length=15 width=3.6 span=27 cone=0.4 wing_at=0.42 boom_y=3.9 pod_y=0.29
         : pod_length=5 pod_radius=0.75 pod_forward=2.3 pod_prop=2.1 fin=3 fin_root=3
         : fin_y=3.9 tail_at=1.22 tail_span=9.4 tail_root=2.2 tail_tip=2.2 tail_sweep=0
         : window_pitch=0
    Sculler A:
    Sculler B: tip_tank=6.5
Tamberlin: length=8 width=1.45 span=11 root=1.7 tip=1.15 sweep=2 tip_round=0.35 wing_at=0.26
         : nose=0.16 blunt=0.9 cone=0.62 tail_width=0.12 canopy_at=0.24 canopy_length=1.5
         : tail_at=0.86 tail_span=3.6 tail_root=1 tail_tip=0.65 tail_sweep=10 fin=1.4
         : fin_root=1.4 pod_length=2.2 pod_radius=0.42 pod_forward=0.9
  Wrenlet: wing_z=1 nose_prop=1 canopy_at=0.2 canopy_length=1.2
    Wrenlet Solo:
    Wrenlet Tourer: span=13 length=8.8
  Dapplin: nose_prop=0.95 span=9.8 root=2 tip=0.9 sweep=6
    Dapplin Club:
    Dapplin Tip: tip_tank=2.2
    Dapplin Race: span=8 tip_round=0.9 canopy_length=1
  Twinnock: length=10.5 span=12.6 root=2 tip=1 sweep=5 wing_at=0.3 nose=0.28 blunt=0.35
          : pods=1 pod_prop=0.95 pod_y=0.3 canopy_length=2.2 tail_span=4.8
    Twinnock D:
    Twinnock Grand: length=12.5 tail_high=1
Zephrane: length=16 width=2 span=10.5 root=7.6 tip=0.7 sweep=54 nose=0.38 blunt=0.1 cone=0.12
        : tail_width=0.75 wing_at=0.38 wing_z=0 tail_span=0 fin=2.8 fin_root=4
        : canopy_at=0.19 canopy_length=2.3
  Arrowin:
    Arrowin A:
    Arrowin C: canard_span=5.2 canard_root=1.7 canard_at=0.28
  Mantarel: span=12.5 root=5.4 tip=1.5 sweep=42 strake=3.4 width=2.9 fin_y=1.5 fin=2.6
          : fin_root=3 wing_at=0.42 tail_at=0.87 tail_span=8.4 tail_root=2.8 tail_tip=1
          : tail_sweep=45
    Mantarel A:
    Mantarel N: span=15.5 tip=1.9 sweep=36
  Stilett: length=58 width=3.8 span=26 root=24 tip=1 sweep=60 strake=9 wing_at=0.48
         : wing_z=-0.6 nose=0.3 cone=0.2 tail_width=0.2 fin=8 fin_root=14 pods=2 pod_y=0.3
         : pod_y2=0.46 pod_radius=1.1 pod_length=9 pod_forward=-16 window_pitch=2.4
         : canopy_at=0.11 canopy_length=2.4
    Stilett I:
    Stilett II: length=67 wing_at=0.5
"""


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
    """Turn designs into one column per parameter.

    Args:
        designs: List of `K` designs.

    Returns:
        Dictionary from parameter name to an array `[K, 1]`, ready to be
        indexed with labels and to broadcast against pixels.

    Example:

    >>> stack([Design(span=30.0), Design(span=34.0)])["span"].ravel()
    array([30., 34.])
    """
    rows = [asdict(design) for design in designs]
    return {name: np.array([[row[name]] for row in rows], np.float64) for name in rows[0]}


def _rows() -> list[tuple[int, str, dict[str, float]]]:
    """Read the table into (depth, name, changed parameters), depth 1 for a manufacturer."""
    rows: list[tuple[int, str, dict[str, float]]] = []
    for line in FLEET.strip("\n").splitlines():
        head, _, traits = line.partition(":")
        changes = {key: float(value) for key, value in (t.split("=") for t in traits.split())}
        if head.strip():
            depth = (len(head) - len(head.lstrip())) // 2 + 1
            rows.append((depth, head.strip(), changes))
        else:
            rows[-1][2].update(changes)
    return rows


def class_tree_edges() -> list[tuple[str, str]]:
    """List the edges of the class tree of the drawn aircraft.

    Every leaf lies three levels below the root `"aircraft"`: manufacturer, family,
    variant. All names are unique.

    Returns:
        List of `(parent, child)` name pairs, ready for `keras_haframe.ClassTree`.

    Example:

    >>> class_tree_edges()[:3]
    [('aircraft', 'Halvorn'), ('Halvorn', 'Meridax'), ('Meridax', 'Meridax 100')]
    """
    path = [ROOT]
    edges = []
    for depth, name, _ in _rows():
        del path[depth:]
        edges.append((path[-1], name))
        path.append(name)
    return edges


def lineage() -> list[tuple[str, str, str]]:
    """List manufacturer, family and variant of every class, in label order.

    Returns:
        List of `K` triples of names.

    Example:

    >>> lineage()[0]
    ('Halvorn', 'Meridax', 'Meridax 100')
    """
    parent = {child: parent for parent, child in class_tree_edges()}
    variants = [name for depth, name, _ in _rows() if depth == 3]
    return [(parent[parent[name]], parent[name], name) for name in variants]


def class_names() -> list[str]:
    """List the variants (the leaves of the class tree) in label order.

    Returns:
        List of `K` names; label `i` is the class `class_names()[i]`.

    Example:

    >>> class_names()[:2]
    ['Meridax 100', 'Meridax 200']
    """
    return [variant for _, _, variant in lineage()]


def designs() -> list[Design]:
    """List the design of every variant, in label order.

    Returns:
        List of `K` `Design` objects.

    Example:

    >>> designs()[0].length
    30.0
    """
    changes = {name: traits for _, name, traits in _rows()}
    fleet = []
    for manufacturer, family, variant in lineage():
        traits = changes[manufacturer] | changes[family] | changes[variant]
        fleet.append(replace(Design(), **traits))
    return fleet


def class_tree() -> ClassTree:
    """Return the class tree of the drawn aircraft, its leaves in label order.

    Example:

    >>> class_tree().num_classes
    36
    """
    return ClassTree(class_tree_edges(), class_names(), "drawn_aircraft")
