#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# layers.pl [root]: the rules that a header keeps and a compiler does not check.
#   ranks      a folder includes only folders of lower rank, or itself
#   cycles     none among the headers (a header counts as one with its impl/ and kernels/ parts)
#   simd       nobody else names xsimd or an intrinsic
#   absl       from rank 6 upward
#   statics    no function-local static, no thread_local, no mutable inline variable
#   opening    licence line, #pragma once (or an #ifndef guard, where something must stand behind it)
use strict;
use warnings;
use File::Find;

my $root = shift // '.';
chdir "$root/include" or die "no $root/include\n";

my @ranks = (
  [qw(base)], [qw(simd)], [qw(column schedule)], [qw(expr hash)], [qw(filter codec zone sort)], [qw(partition)],
  [qw(aggregate join storage)], [qw(pipeline interop)], [qw(ingest view exchange)], [qw(conformance)],
);
my %rank;
for my $level (0 .. $#ranks) { $rank{$_} = $level for @{$ranks[$level]}; }
$rank{'status.hpp'} = 5.5;  # the bridge between errors as enums and absl::Status: for rank 6 and up

# The folder of pillar/<folder>/…, or the name of a top-level header. pillar/<folder>.hpp belongs to <folder>.
sub folder_of {
  my ($header) = @_;
  return $1 if $header =~ m{^pillar/([^/]+)/};
  my ($name) = $header =~ m{^pillar/(.*)$};
  (my $stem = $name) =~ s/\.hpp$//;
  return exists $rank{$stem} ? $stem : $name;
}

my @headers;
find({no_chdir => 1, wanted => sub { push @headers, $_ if /\.hpp$/ }}, 'pillar');
@headers = sort @headers;
my $errors = 0;
sub complain { my ($header, $line, $text) = @_; print "include/$header:$line: $text\n"; ++$errors; }

my %edges;
for my $header (@headers) {
  my $folder = folder_of($header);
  my $own = $rank{$folder} // 99;  # pillar.hpp and other collections include everything
  complain($header, 1, "folder '$folder' has no rank") if $header =~ m{^pillar/[^/]+/} && !exists $rank{$folder};
  open my $file, '<', $header or die "$header: $!\n";
  my ($number, $pragma, $comment) = (0, 0, 0);
  while (my $line = <$file>) {
    ++$number;
    complain($header, 1, 'the first line is not the SPDX licence line')
      if $number == 1 && $line !~ m{^// SPDX-License-Identifier: Apache-2\.0$};
    $pragma = 1 if $line =~ /^#pragma once/ || ($number < 20 && $line =~ /^#ifndef PILLAR_\w+_HPP$/);
    if ($line =~ /^\s*#\s*include\s*["<]([^">]+)[">]/) {
      my $target = $1;
      if ($target =~ m{^pillar/}) {
        complain($header, $number, "includes '$target', which does not exist") unless -e $target;
        my $other = folder_of($target);
        my $theirs = $rank{$other} // 99;
        complain($header, $number, "rank $own ($folder) includes rank $theirs ($other): $target")
          if $other ne $folder && $theirs >= $own && $own != 99;
        push @{$edges{$header}}, [$target, $number] unless $target =~ m{/(?:impl|kernels)/};
      }
      complain($header, $number, "includes $target outside simd/")
        if $folder ne 'simd' && $target =~ m{^xsimd/|intrin\.h$|^arm_(neon|sve)\.h$};
      complain($header, $number, "includes $target below rank 6") if $own < 5.5 && $target =~ m{^absl/};
      next;
    }
    # Comments, strings and characters say nothing about code.
    if ($comment) { next unless $line =~ s{^.*?\*/}{}; $comment = 0; }
    $line =~ s{"(?:[^"\\]|\\.)*"}{""}g;
    $line =~ s{//.*}{};
    $line =~ s{/\*.*?\*/}{}g;
    $comment = 1 if $line =~ s{/\*.*}{};
    complain($header, $number, 'names xsimd or an intrinsic outside simd/')
      if $folder ne 'simd' && $line =~ /\bxsimd::|\b_mm\d*_\w+\(|\b__m(?:128|256|512)|\b__builtin_ia32_|\bv(?:ld|st)\dq?_[usf]\d/;
    complain($header, $number, 'thread_local') if $line =~ /\bthread_local\b/;
    complain($header, $number, 'a static variable that is not constexpr')  # a const member may be declared
      if $line =~ /\bstatic\s+(?!constexpr\b|consteval\b|constinit\s+const\b|inline\b)[\w:<>,\s&*]+\s[&*]?\w+(?:\[\w*\])?\s*([=;{])/
        && !($1 eq ';' && $line =~ /\bstatic\s+const\s/);
    complain($header, $number, 'a mutable inline variable')
      if $line =~ /^\s*inline\s+(?!constexpr\b|consteval\b|namespace\b|constinit\s+const\b|static\b|auto\b.*\(|const\b)[^()]*(?:=|;)\s*/
        && $line !~ /\(|operator/;
  }
  complain($header, 1, 'no #pragma once') unless $pragma;
  close $file;
}

# Cycles, depth first; each is reported once.
my %state;
sub visit {
  my ($header, @path) = @_;
  $state{$header} = 1;
  for my $edge (@{$edges{$header} // []}) {
    my ($target, $line) = @$edge;
    if (($state{$target} // 0) == 1) { complain($header, $line, "include cycle: @path $header $target"); }
    elsif (!$state{$target}) { visit($target, @path, $header); }
  }
  $state{$header} = 2;
}
for my $header (@headers) { visit($header) unless $state{$header}; }

printf "layers: %d headers, %d include edges, %d errors\n", scalar @headers,
  scalar(map { @$_ } values %edges), $errors;
exit($errors ? 1 : 0);
