"""Names and cells out of the JSON of a netlist."""

from __future__ import annotations

import netlist


def test_names_are_those_of_registers() -> None:
    names = {"u_a.sum_q": [2, 3], "sum": [2, 3], "u_a.sum_o": [2, 3], "$x": [2, 3, 4], "long_wire": [5], "wire": [5]}
    found = netlist.net_names({n: {"hide_name": int(n[0] == "$"), "bits": bits} for n, bits in names.items()})
    assert found == {2: "u_a.sum_q[0]", 3: "u_a.sum_q[1]", 5: "wire"}


def test_a_cell_has_its_ports_by_direction_and_its_place_in_the_sources() -> None:
    cell = netlist.cell_of(
        "u_x.mem",
        {
            "type": "RAM32X1D",
            "parameters": {"INIT": "0"},
            "attributes": {"src": "/somewhere/hls/phantom_x.sv:12.3-12.9|/else/map.v:1.1-2.2"},
            "port_directions": {"D": "input", "A": "input", "DPO": "output"},
            "connections": {"D": [2], "A": ["0", 3], "DPO": [4]},
        },
    )
    assert (cell.inputs, cell.outputs) == ({"D": [2], "A": ["0", 3]}, {"DPO": [4]})
    assert netlist.source_line(cell) == "phantom_x.sv:12"
    named = [(netlist.pin_name(cell, pin), net) for pin, net in netlist.nets(cell.inputs)]
    assert named == [("u_x.mem.D", 2), ("u_x.mem.A[1]", 3)]
