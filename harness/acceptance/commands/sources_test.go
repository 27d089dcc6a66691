package commands_test

// Replacements for what a reader has: a source from curl's repository in a
// vendor's form, or a build that an earlier command of the page makes.

// patched makes the go command find the patched libcurl.
const patched = `prefix=$(scripts/build-libcurl --variant patched)
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
`

// clone makes a clone of this repository, which a command may change, and
// enters it.
const clone = `git clone -q "$CHECKOUT" clone
cd clone
git config user.name a
git config user.email a@example.com
`

// tree7611 unpacks libcurl 7.61.1.
const tree7611 = `mkdir ~/curl-7.61.1
git -C ~/src/curl archive curl-7_61_1 | tar -x -C ~/curl-7.61.1
`

// debian7580 is a Debian source package of libcurl 7.58.0, unpacked.
const debian7580 = `mkdir -p ~/curl-7.58.0
git -C ~/src/curl archive curl-7_58_0 | tar -x -C ~/curl-7.58.0
tar -C ~ -czf ~/curl_7.58.0.orig.tar.gz curl-7.58.0
mkdir -p ~/curl-7.58.0/debian/source ~/curl-7.58.0/debian/patches
touch ~/curl-7.58.0/debian/patches/series
echo '3.0 (quilt)' >~/curl-7.58.0/debian/source/format
cat >~/curl-7.58.0/debian/changelog <<'END'
curl (7.58.0-2) bionic; urgency=medium

  * Mend.

 -- A <a@example.com>  Mon, 01 Jan 2018 00:00:00 +0000
END
cat >~/curl-7.58.0/debian/control <<'END'
Source: curl
Maintainer: A <a@example.com>

Package: curl
Architecture: any
Description: x
END
`

// dsc7580 is that package, packed.
const dsc7580 = debian7580 + `(cd && dpkg-source -b curl-7.58.0 && rm -r curl-7.58.0)
cp ~/curl_7.58.0* .
mv curl_7.58.0-2.dsc curl.dsc
`

// rpm7611 is an RPM source tree of libcurl 7.61.1.
const rpm7611 = `mkdir -p ~/rpm/curl/SPECS ~/rpm/curl/SOURCES
git -C ~/src/curl archive --prefix=curl-7.61.1/ -o ~/rpm/curl/SOURCES/curl-7.61.1.tar curl-7_61_1
cat >~/rpm/curl/SPECS/curl.spec <<'END'
Name: curl
Version: 7.61.1
Release: 34.el8
Summary: x
License: MIT
Source: curl-7.61.1.tar

%description
x

%prep
%setup -q
END
`

// srpm7611 makes a source package of that tree.
const srpm7611 = rpm7611 + `rpmbuild -bs --quiet --define "_topdir $HOME/rpm/curl" ~/rpm/curl/SPECS/curl.spec
cp ~/rpm/curl/SRPMS/curl-7.61.1-34.el8.src.rpm .
`

// shards5 makes the five parts of a small matrix.
const shards5 = `for i in 1 2 3 4 5; do
  scripts/matrix --openssl system --libcurl stock,patched --scenario reported --shard $i/5 --json $i.json
done
`

// capture keeps the packets of one run.
const capture = `build/pipelab run --scenario reported --library stock --subject c-demo --requests 20 --capture --out DIR
cp DIR/*/*/capture.pcapng .
`
