#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# headers_plan.pl <count> <header…>: which headers headers.sh precompiles, and behind which of them it compiles each.
# Prints "header base" for every header that it is given; base is one of at most <count> headers, or "-".
#
# A header is compiled behind a base only if it includes that base itself, directly or through others, under no condition
# and no macro of its own: then all that the base brings is what the header would bring anyway, and nothing that it
# forgets to include is hidden. Bases are chosen by the lines that parsing saves (docs/include-table.txt).
use strict;
use warnings;

my ($count, @headers) = @ARGV;
my %lines;
open my $table, '<', 'docs/include-table.txt' or die "docs/include-table.txt: $!\n";
while (<$table>) { $lines{$1} = $2 if /^(\S+) (\d+) \d+$/; }
close $table;

# The headers of ours that one includes for certain: outside of every condition but its own guard, before any macro.
my %direct;
sub direct_includes {
  my ($header) = @_;
  return $direct{$header} if $direct{$header};
  my ($depth, $guard, @found) = (0, '');
  open my $file, '<', "include/$header" or die "$header: $!\n";
  while (<$file>) {
    next unless /^\s*#\s*(\w+)\s*(.*)/;
    my ($directive, $rest) = ($1, $2);
    if ($directive eq 'ifndef' && !$guard && $rest =~ /^(PILLAR_\w+_HPP)\b/) { $guard = $1; }
    elsif ($directive =~ /^if/) { ++$depth; }
    elsif ($directive eq 'endif') { --$depth; }
    elsif ($directive eq 'define') { last unless $guard && $rest =~ /^$guard\b/; }
    elsif ($directive eq 'include' && $depth == 0 && $rest =~ m{^"(pillar/[^"]+)"}) { push @found, $1; }
  }
  close $file;
  return $direct{$header} = \@found;
}

my %closure;
sub closure_of {
  my ($header) = @_;
  return $closure{$header} if $closure{$header};
  my %all;
  $closure{$header} = \%all;  # layers.pl refuses cycles
  for my $next (@{direct_includes($header)}) {
    $all{$next} = 1;
    $all{$_} = 1 for keys %{closure_of($next)};
  }
  return \%all;
}

# Greedy: the base that saves most beside those that are chosen, less what precompiling it costs.
my %base = map { $_ => '-' } @headers;
sub saved { my ($header) = @_; return $header eq '-' ? 0 : ($lines{$header} // 0); }
for (1 .. $count) {
  my ($best, $most) = ('', 0);
  for my $candidate (@headers) {
    next unless $lines{$candidate};
    my $gain = -1.3 * $lines{$candidate};
    for my $header (@headers) {
      next unless closure_of($header)->{$candidate};
      my $more = $lines{$candidate} - saved($base{$header});
      $gain += $more if $more > 0;
    }
    ($best, $most) = ($candidate, $gain) if $gain > $most;
  }
  last unless $best;
  for my $header (@headers) {
    $base{$header} = $best if closure_of($header)->{$best} && $lines{$best} > saved($base{$header});
  }
}
print "$_ $base{$_}\n" for @headers;
