# From the sources to a checked bitstream:  vivado -mode batch -source build.tcl -tclargs DESIGN.tcl
#
# DESIGN.tcl (see overlay/vivado_flow.py) sets `design`: part, sources, clock, address map and where the results go. Reports are
# written whatever they say; the bitstream appears in the results only when timing is met and every net is routed.

set here [file dirname [file normalize [info script]]]
source [lindex $argv 0]
source [file join $here [dict get $design board].tcl]
source [file join $here block_design.tcl]

# One line for whoever waits (see STAGES in overlay/vivado_flow.py).
proc say {text} {
    puts "phantom: $text"
    flush stdout
}

proc fail {message} {
    puts "ERROR: phantom: $message"
    exit 1
}

# Vivado calls a release 2022.1, an update of it 2022.1.1.
proc check_version {oldest newest} {
    set version [version -short]
    if {![regexp {^(\d+\.\d+)} $version -> release] || $release < $oldest || $release > $newest} {
        fail "this is Vivado $version; the scripts are for $oldest to $newest"
    }
}

proc run_to_end {run args} {
    say $run
    launch_runs $run {*}$args
    wait_on_run $run
    if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
        fail "$run did not finish: [get_property STATUS [get_runs $run]]; see its runme.log"
    }
}

# Slack of the worst path in ns, of -setup or -hold.
proc slack {kind} {
    set paths [get_timing_paths $kind -max_paths 1]
    if {[llength $paths] == 0} {
        fail "there is no path with $kind timing: the design has no clock"
    }
    return [get_property SLACK [lindex $paths 0]]
}

check_version [dict get $design oldest] [dict get $design newest]
set results [dict get $design results]
set jobs [dict get $design jobs]

say "project and block design"
create_project -force phantom [file join $results project] -part [dict get $design part]
set_property target_language Verilog [current_project]
add_files -norecurse [dict get $design sources]
set_property file_type SystemVerilog [get_files *.sv]
set_property verilog_define {SYNTHESIS=1} [get_filesets sources_1]
update_compile_order -fileset sources_1

create_block_design $design $ps7_board
set block_design [get_files phantom.bd]
generate_target all $block_design
add_files -norecurse [list [make_wrapper -files $block_design -top]]
set_property top phantom_wrapper [get_filesets sources_1]
update_compile_order -fileset sources_1
set handoff [file join $results project phantom.gen sources_1 bd phantom hw_handoff phantom.hwh]
file copy -force $handoff [file join $results vivado.hwh]

set_property strategy Performance_ExplorePostRoutePhysOpt [get_runs impl_1]
run_to_end synth_1 -jobs $jobs
run_to_end impl_1 -to_step write_bitstream -jobs $jobs

say "reports"
open_run impl_1
report_timing_summary -max_paths 20 -file [file join $results timing.rpt]
report_utilization -hierarchical -hierarchical_depth 4 -file [file join $results utilisation.rpt]
report_route_status -file [file join $results route.rpt]
foreach kind {-setup -hold} {
    set found [slack $kind]
    say "worst slack ($kind): $found ns"
    if {$found < 0} {
        fail "timing is not met: worst slack ($kind) $found ns; see timing.rpt"
    }
}
set bad {UNPLACED UNROUTED PARTIAL ANTENNAS CONFLICTS ERRORS}
set unrouted [get_nets -hierarchical -filter "ROUTE_STATUS == [join $bad { || ROUTE_STATUS == }]"]
if {[llength $unrouted] > 0} {
    fail "[llength $unrouted] nets are not routed; see route.rpt"
}
file copy -force [file join $results project phantom.runs impl_1 phantom_wrapper.bit] [file join $results phantom.bit]
say "the bitstream is complete"
