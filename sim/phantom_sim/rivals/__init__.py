"""Cycle models of other designs, on the same masks as ours: exact counts of what each would do, no formulas of expected values.

    design.py       what every model gives: cycles of a layer; the bound by memory bandwidth, the same rule for all
    traffic.py      bytes of a layer in each design's own compressed format
    dense.py        every multiply done: at 100 % use, and on a weight-stationary systolic array
    scnn.py         SCNN: Cartesian products; scnn_banks.py: conflicts in its accumulator banks
    sparten.py      SparTen: inner joins of bit masks, greedy balancing in software (GB-S) or hardware (GB-H)
    eyeriss_v2.py   Eyeriss v2: compressed columns, two multiplies an activation
    phantom_paper.py  Phantom as its paper describes it; lookahead.py: its selector, in order and out of order
    lineup.py       all of them at the sizes of their papers, and scaled to one number of multipliers

Every docstring says what is the paper's and what is assumed. Where it is not known how a design does a thing, the assumption is
one in its favour. No constant is fitted to a published result; how near each model comes is tested in
tests/sim/test_rivals_*.py.
"""
