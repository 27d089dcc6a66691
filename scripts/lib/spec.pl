# Reads the spec file of an RPM source package and prints, separated by tabs,
#   version V, release R, archive FILE
#   patch FILE LEVEL    for each patch that %prep applies, in that order
# It knows as much of rpm's macros as spec files of curl have of them in these
# places: %global, %define, %{name}, %{?name}, %{?name:text}, %{!?name:text},
# and conditions of numbers.
use strict;
use warnings;

my (%macro, %tag, %source, %patch, @applied, @open);
my $prep = 0;

# expand TEXT - with the value of every macro.
sub expand {
    my ($text) = @_;
    my $turns = 0;
    while($turns++ < 100) {
        next if $text =~ s/%\{!\?(\w+):([^{}]*)\}/defined $macro{$1} ? '' : $2/e;
        next if $text =~ s/%\{\?(\w+):([^{}]*)\}/defined $macro{$1} ? $2 : ''/e;
        next if $text =~ s/%\{\?(\w+)\}/$macro{$1} \/\/ ''/e;
        next if $text =~ s/%\{(\w+)\}/$macro{$1} \/\/ "\0{$1}"/e;
        last;
    }
    $text =~ s/\0/%/g;
    return $text;
}

# holds CONDITION - whether it does; numbers, comparisons, not, and, or.
sub holds {
    my $condition = expand($_[0]);
    $condition =~ s/%\{\w+\}/0/g;
    $condition =~ s/\b0+(?=\d)//g;
    die "cannot decide %if $_[0]\n"
        if $condition !~ /^[\d\s()!<>=&|]+$/;
    my $value = eval $condition;
    die "cannot decide %if $_[0]\n" if $@;
    return $value;
}

# apply NUMBER LEVEL
sub apply {
    my ($number, $level) = @_;
    die "%prep applies a patch $number that is not declared\n"
        if !defined $patch{$number};
    push @applied, [$patch{$number}, $level];
}

sub in_order { return sort { $a <=> $b } keys %patch }

chomp(my $machine = `uname -m`);
open(my $spec, '<', $ARGV[0]) or die "spec: $ARGV[0]: $!\n";
while(my $line = <$spec>) {
    chomp $line;
    if($line =~ /^%(if|ifarch|ifnarch)\b\s*(.*?)\s*$/) {
        my ($kind, $rest) = ($1, $2);
        my $on = $kind eq 'if' ? sub { holds($rest) }
            : sub { (grep { $_ eq $machine } split ' ', expand($rest))
                        ? $kind eq 'ifarch' : $kind eq 'ifnarch' };
        # Inside a part that is left out nothing has to be decided.
        push @open, (grep { !$_ } @open) ? 0 : ($on->() ? 1 : 0);
        next;
    }
    if($line =~ /^%else\b/) { $open[-1] = !$open[-1] if @open; next }
    if($line =~ /^%endif\b/) { pop @open; next }
    next if grep { !$_ } @open;
    if($line =~ /^\s*%(?:global|define)\s+(\w+)\s+(.*?)\s*$/) {
        $macro{$1} = expand($2);
    }
    elsif($line =~ /^(Name|Version|Release)\s*:\s*(\S+)/i) {
        $tag{lc $1} = $macro{lc $1} = expand($2);
    }
    elsif($line =~ /^(Source|Patch)(\d*)\s*:\s*(\S+)/i) {
        my ($kind, $number, $file) = (lc $1, $2, expand($3));
        my $table = $kind eq 'source' ? \%source : \%patch;
        # A patch without a number gets the next one.
        ($number) = map { $_ + 1 } (sort { $b <=> $a } keys %$table)[0] // -1
            if $number eq '';
        $file =~ s{.*/}{};
        $table->{$number + 0} = $file;
    }
    elsif($line =~ /^%(prep|build|install|description|package|files)\b/) {
        $prep = $1 eq 'prep';
    }
    elsif($prep && $line =~ /^\s*%autosetup\b(.*)/) {
        my $options = $1;
        next if $options =~ /(^|\s)-N\b/;
        my $level = $options =~ /-p\s*(\d+)/ ? $1 : 0;
        apply($_, $level) for in_order();
    }
    elsif($prep && $line =~ /^\s*%autopatch\b(.*)/) {
        my $options = expand($1);
        my $level = $options =~ /-p\s*(\d+)/ ? $1 : 0;
        my $least = $options =~ /-m\s*(\d+)/ ? $1 : 0;
        my $most = $options =~ /-M\s*(\d+)/ ? $1 : 1e9;
        apply($_, $level) for grep { $_ >= $least && $_ <= $most } in_order();
    }
    elsif($prep && $line =~ /^\s*%(?:patch|\{patch)(\d*)\}?\s*(.*)/i) {
        my ($number, $options) = ($1, expand($2));
        my $level = $options =~ /(?:^|\s)-p\s*(\d+)/ ? $1 : 0;
        ($number) = $options =~ /-P\s*(\d+)/ if $number eq '' && $options =~ /-P/;
        ($number) = $options =~ /(?:^|\s)(\d+)(?:\s|$)/
            if $number eq '' && $options =~ /(?:^|\s)\d+(?:\s|$)/;
        apply($number eq '' ? 0 : $number + 0, $level);
    }
}
die "no Version in it\n" if !defined $tag{version};
my ($archive) = map { $source{$_} } sort { $a <=> $b } grep {
    $source{$_} =~ /\.(tar(\.\w+)?|tgz|txz|tbz2?)$/ } keys %source;
print "version\t$tag{version}\n";
my $release = $tag{release} // '';
$release =~ s/%\{\w+\}//g;
print "release\t$release\n";
print "archive\t", $archive // "curl-$tag{version}.tar.xz", "\n";
print "patch\t$_->[0]\t$_->[1]\n" for @applied;
