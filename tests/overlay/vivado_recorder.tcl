# Stands for Vivado: writes down each of its commands that a script uses, and makes the files that the script goes on with.
#
#   interpreter vivado_recorder.tcl SCRIPT ARGUMENTS...
#
# A command that is not here is an error, as in Vivado; what is written down is judged by vivado_model.py. The environment says
# what the tools are to answer: RECORD (file to write), VERSION, HANDOFF (the .hwh of the block design), SETUP and HOLD (slack in ns, or
# "none"), NETS (a list of nets, each with its route status), PROGRESS (of runs), TIMING (what the timing report says).

set record [open $::env(RECORD) w]
set sources {}
set folder ""

proc note {args} {
    puts $::record $args
    flush $::record
}

proc file_of {path text} {
    file mkdir [file dirname $path]
    set channel [open $path w]
    puts $channel $text
    close $channel
}

proc option {arguments name} {
    set at [lsearch -exact $arguments $name]
    return [expr {$at < 0 ? "" : [lindex $arguments $at+1]}]
}

# Commands of which nothing but their words matters; they return their last one.
foreach command {
    set_property update_compile_order create_bd_design create_bd_cell create_bd_intf_port connect_bd_net connect_bd_intf_net
    assign_bd_address validate_bd_design save_bd_design open_run get_bd_pins get_bd_intf_pins get_bd_addr_spaces
    get_bd_addr_segs get_runs get_filesets
} {
    proc $command {args} "note $command {*}\$args; return \[lindex \$args end\]"
}

foreach command {report_timing_summary report_utilization report_route_status} {
    proc $command {args} "note $command {*}\$args; file_of \[option \$args -file\] \$::env(TIMING)"
}

proc version {args} {
    note version {*}$args
    return $::env(VERSION)
}

proc current_project {} {
    return phantom
}

proc create_project {args} {
    note create_project {*}$args
    set ::folder [lindex $args [expr {[lsearch $args phantom] + 1}]]
    file mkdir $::folder
}

proc add_files {args} {
    note add_files {*}$args
    foreach source [lindex $args end] {
        if {![file exists $source]} {
            error "add_files: there is no file $source"
        }
        lappend ::sources $source
    }
}

proc get_files {pattern} {
    note get_files $pattern
    if {$pattern eq "phantom.bd"} {
        return $pattern
    }
    return [lsearch -all -inline -glob $::sources $pattern]
}

proc generate_target {args} {
    note generate_target {*}$args
    set handoff [open $::env(HANDOFF)]
    file_of $::folder/phantom.gen/sources_1/bd/phantom/hw_handoff/phantom.hwh [read $handoff]
    close $handoff
}

proc make_wrapper {args} {
    note make_wrapper {*}$args
    file_of $::folder/phantom_wrapper.v "module phantom_wrapper; endmodule"
    return $::folder/phantom_wrapper.v
}

proc launch_runs {run args} {
    note launch_runs $run {*}$args
    if {[option $args -to_step] eq "write_bitstream"} {
        file_of $::folder/phantom.runs/$run/phantom_wrapper.bit "bits"
    }
}

# Vivado shows the log of the run that it waits for.
proc wait_on_run {run} {
    note wait_on_run $run
    puts "Command: [expr {$run eq "synth_1" ? "synth_design" : "route_design"}] -directive Explore"
}

proc get_timing_paths {args} {
    note get_timing_paths {*}$args
    set slack [expr {"-setup" in $args ? $::env(SETUP) : $::env(HOLD)}]
    return [expr {$slack eq "none" ? {} : $slack}]
}

proc get_nets {args} {
    note get_nets {*}$args
    set found {}
    foreach {net status} $::env(NETS) {
        if {[regexp "ROUTE_STATUS == $status\\y" [option $args -filter]]} {
            lappend found $net
        }
    }
    return $found
}

proc get_property {name object} {
    note get_property $name $object
    switch $name {
        SLACK {return $object}
        PROGRESS {return $::env(PROGRESS)}
        STATUS {return "as the test wants it"}
    }
    error "get_property: no property $name"
}

set script [lindex $argv 0]
set argv [lrange $argv 1 end]
source $script
