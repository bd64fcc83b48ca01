# SPDX-License-Identifier: MIT
#
# prove's usual output, and one last line for programs: "N passed, N failed".
#
# Counted are single TAP tests: every case of every hosted program and of every boot, and
# the runner's own checks of each run.  Skipped ones count as neither.  A file that is
# broken as a whole (no plan, died) without a failing test of its own counts as one failed.
package Tally;
use strict;
use warnings;
use TAP::Formatter::Console;
use TAP::Formatter::File;

# As prove chooses: lines that move for a person at a terminal, plain ones for a file.
our @ISA = (-t STDOUT ? 'TAP::Formatter::Console' : 'TAP::Formatter::File');

sub summary {
    my ($self, $aggregate, @rest) = @_;
    $self->SUPER::summary($aggregate, @rest);

    my $failed = 0;
    for my $parser ($aggregate->parsers) {
        my $in_file = $parser->failed;
        $failed += $in_file || ($parser->has_problems ? 1 : 0);
    }
    my $skipped = $aggregate->skipped;
    print "$skipped skipped: they do not apply to the machine they ran on\n" if $skipped;
    printf "%d passed, %d failed\n", $aggregate->passed - $skipped, $failed;
}

1;
