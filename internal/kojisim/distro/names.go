package distro

// toolchain is what every buildroot and every other package stands on, one
// source package a line: its name, then each binary package with what it
// provides (+) and requires (-). Binary packages beginning with @ are noarch.
const toolchain = `
filesystem; @filesystem
setup; @setup
release; @distribution-release +system-release
tzdata; @tzdata
kernel-headers; kernel-headers
glibc; glibc +libc.so.6()(64bit) +libm.so.6()(64bit) -filesystem -tzdata; glibc-devel -glibc -kernel-headers; glibc-common -glibc
bash; bash +/bin/sh -filesystem
gcc; gcc -cpp -binutils -glibc-devel -libgomp; cpp; gcc-c++ -gcc -libstdc++-devel; libgcc +libgcc_s.so.1()(64bit); libstdc++ +libstdc++.so.6()(64bit) -libgcc; libstdc++-devel -libstdc++; libgomp +libgomp.so.1()(64bit)
binutils; binutils -zlib
zlib; zlib +libz.so.1()(64bit); zlib-devel +pkgconfig(zlib) -zlib
xz; xz -xz-libs; xz-libs +liblzma.so.5()(64bit); xz-devel +pkgconfig(liblzma) -xz-libs
bzip2; bzip2 -bzip2-libs; bzip2-libs +libbz2.so.1()(64bit); bzip2-devel +pkgconfig(bzip2) -bzip2-libs
zstd; zstd -libzstd; libzstd +libzstd.so.1()(64bit); libzstd-devel +pkgconfig(libzstd) -libzstd
ncurses; ncurses -ncurses-libs; ncurses-libs +libncurses.so.6()(64bit) -@ncurses-base; @ncurses-base; ncurses-devel +pkgconfig(ncurses) -ncurses-libs
readline; readline +libreadline.so.8()(64bit) -libncurses.so.6()(64bit); readline-devel -readline
pcre2; pcre2 +libpcre2-8.so.0()(64bit); pcre2-devel +pkgconfig(libpcre2-8) -pcre2
libselinux; libselinux +libselinux.so.1()(64bit) -libpcre2-8.so.0()(64bit); libselinux-devel +pkgconfig(libselinux) -libselinux
gmp; gmp +libgmp.so.10()(64bit); gmp-devel +pkgconfig(gmp) -gmp
coreutils; coreutils -libselinux.so.1()(64bit) -libgmp.so.10()(64bit)
openssl; openssl -openssl-libs; openssl-libs +libcrypto.so.3()(64bit) +libssl.so.3()(64bit) -libz.so.1()(64bit); openssl-devel +pkgconfig(openssl) -openssl-libs
grep; grep -libpcre2-8.so.0()(64bit)
sed; sed -libselinux.so.1()(64bit)
gawk; gawk -libreadline.so.8()(64bit)
diffutils; diffutils
findutils; findutils -libselinux.so.1()(64bit)
tar; tar -libselinux.so.1()(64bit)
gzip; gzip -coreutils -grep
cpio; cpio
unzip; unzip -libbz2.so.1()(64bit)
which; which -coreutils
patch; patch
make; make
file; file -file-libs; file-libs +libmagic.so.1()(64bit) -libz.so.1()(64bit)
util-linux; util-linux -libncurses.so.6()(64bit); libuuid +libuuid.so.1()(64bit); libuuid-devel +pkgconfig(uuid) -libuuid
shadow-utils; shadow-utils -libselinux.so.1()(64bit) -setup
info; info -libncurses.so.6()(64bit)
popt; popt +libpopt.so.0()(64bit); popt-devel +pkgconfig(popt) -popt
lua; lua -lua-libs; lua-libs +liblua-5.4.so()(64bit) -libreadline.so.8()(64bit); lua-devel -lua-libs
sqlite; sqlite -sqlite-libs; sqlite-libs +libsqlite3.so.0()(64bit); sqlite-devel +pkgconfig(sqlite3) -sqlite-libs
elfutils; elfutils -elfutils-libelf; elfutils-libelf +libelf.so.1()(64bit) -libz.so.1()(64bit) -libzstd.so.1()(64bit); elfutils-libelf-devel +pkgconfig(libelf) -elfutils-libelf
rpm; rpm -rpm-libs -coreutils; rpm-libs +librpm.so.10()(64bit) -libpopt.so.0()(64bit) -liblua-5.4.so()(64bit) -libsqlite3.so.0()(64bit) -libcrypto.so.3()(64bit); rpm-build -rpm -elfutils -file -findutils -gawk -gzip -tar -xz -unzip -patch -pkgconf-pkg-config; rpm-devel -rpm-libs
redhat-rpm-config; @redhat-rpm-config -rpm-build -annobin
annobin; annobin -gcc
pkgconf; pkgconf; pkgconf-pkg-config -pkgconf
m4; m4
autoconf; @autoconf -m4 -perl-interpreter
automake; @automake -autoconf -perl-interpreter
libtool; libtool -autoconf -automake
expat; expat +libexpat.so.1()(64bit); expat-devel +pkgconfig(expat) -expat
libffi; libffi +libffi.so.8()(64bit); libffi-devel +pkgconfig(libffi) -libffi
perl; perl-interpreter -perl-libs; perl-libs +libperl.so.5()(64bit) +perl(strict) +perl(warnings); perl-devel -perl-interpreter; @perl-generators -perl-interpreter
python3; python3 -python3-libs +python(abi)=3.14; python3-libs +libpython3.14.so.1.0()(64bit) -libexpat.so.1()(64bit) -libffi.so.8()(64bit) -libssl.so.3()(64bit) -libsqlite3.so.0()(64bit); python3-devel -python3 -pkgconf-pkg-config
cmake; cmake -libstdc++.so.6()(64bit) -libexpat.so.1()(64bit)
ninja-build; ninja-build -libstdc++.so.6()(64bit)
gettext; gettext -libstdc++.so.6()(64bit); gettext-devel -gettext
git; git -@git-core; @git-core -openssl-libs
systemd; systemd -systemd-libs -util-linux; systemd-libs +libsystemd.so.0()(64bit) -libzstd.so.1()(64bit); systemd-devel +pkgconfig(libsystemd) -systemd-libs; @systemd-rpm-macros
`

// buildGroup is what is installed in every buildroot.
const buildGroup = `bash bzip2 coreutils cpio diffutils distribution-release findutils gawk glibc-common
grep gzip info make patch redhat-rpm-config rpm-build sed shadow-utils tar unzip util-linux which xz`

// Names of the other packages, libraries from the bottom up.
const (
	libraryNames = `libunistring libidn2 nettle libtasn1 p11-kit gnutls brotli lz4 snappy libpng libjpeg-turbo libtiff giflib
libwebp freetype fontconfig fribidi harfbuzz pixman cairo glib2 gobject-introspection pango gdk-pixbuf2 atk libX11 libxcb libXext libXrender
libXi libXft wayland mesa-libs libdrm libepoxy gtk3 gtk4 libadwaita qt6-qtbase qt6-qtsvg dbus-libs libxml2 libxslt libyaml jansson json-c
curl-libs nghttp2 libssh2 libpsl krb5-libs cyrus-sasl-lib openldap c-ares libevent libuv libev protobuf abseil-cpp grpc
boost fmt spdlog icu libical gsl fftw openblas hdf5 netcdf proj geos gdal poppler ghostscript-libs lcms2 openjpeg exiv2 libraw ImageMagick-libs
alsa-lib pulseaudio-libs pipewire-libs libvorbis flac opus libvpx x264-libs ffmpeg-libs gstreamer1 libusb1 hidapi libarchive libzip
libsecret libsoup3 json-glib libgit2 http-parser jemalloc libseccomp libcap-ng audit-libs libnl3 libpcap nspr nss libdb gdbm
mariadb-connector-c libpq unixODBC leveldb rocksdb lmdb double-conversion libsodium libgcrypt libgpg-error libksba gpgme`

	perlNames = `Exporter-Tiny Try-Tiny Module-Runtime Module-Implementation Params-Validate Class-Load Sub-Install Data-OptList
Sub-Exporter Package-Stash MRO-Compat Class-Method-Modifiers Role-Tiny Moo Type-Tiny Moose namespace-clean List-MoreUtils Clone
JSON-PP JSON-XS YAML-LibYAML DateTime-Locale DateTime-TimeZone DateTime HTTP-Date URI HTML-Tagset HTML-Parser HTTP-Message
LWP-MediaTypes Net-HTTP libwww-perl Mojolicious Template-Toolkit DBI DBD-SQLite DBIx-Class Text-CSV Spreadsheet-WriteExcel
Test-Deep Test-Exception Test-Warn Test-Differences Capture-Tiny Path-Tiny File-Slurper Log-Dispatch MIME-Lite Email-Simple Crypt-SSLeay`

	pythonNames = `six packaging pyparsing attrs pluggy iniconfig pytest toml setuptools-scm wheel idna chardet certifi urllib3 requests
markupsafe jinja2 click werkzeug itsdangerous flask sqlalchemy alembic pytz python-dateutil numpy scipy pandas matplotlib
cython cffi pycparser cryptography pyopenssl paramiko pyyaml ruamel-yaml lxml beautifulsoup4 html5lib docutils sphinx
pygments babel aiohttp yarl multidict async-timeout django pillow psycopg2 redis celery kombu tornado twisted zope-interface`

	rustNames = `libc cfg-if bitflags memchr autocfg proc-macro2 unicode-ident quote syn serde serde_json itoa ryu regex-syntax
aho-corasick regex log once_cell lazy_static rand_core rand thiserror anyhow bytes mio tokio futures hyper clap`

	javaNames = `hamcrest junit apache-commons-parent apache-commons-cli apache-commons-codec apache-commons-io apache-commons-lang3
apache-commons-collections4 slf4j logback guava jsr-305 objectweb-asm cglib plexus-utils plexus-classworlds plexus-containers
maven-resolver maven maven-surefire maven-compiler-plugin xmlunit mockito assertj-core jackson-core jackson-databind netty ant`

	appNames = `vim nano emacs tmux screen htop mc rsync wget lynx mutt neomutt irssi hexchat gimp inkscape blender krita audacity
vlc mpv totem evince okular nautilus gedit gnome-terminal konsole thunderbird firefox epiphany transmission deluge nginx httpd lighttpd
haproxy squid varnish postfix dovecot exim bind unbound dnsmasq chrony openssh openvpn strongswan samba nfs-utils cups sane-backends
postgresql mariadb redis memcached rabbitmq-c mosh qemu libvirt podman buildah skopeo ansible-core salt puppet git-lfs mercurial subversion
gdb valgrind strace ltrace perf bison flex doxygen graphviz gnuplot octave R-core maxima texlive-base pandoc-bin hugo-bin qgis grass
wireshark nmap tcpdump iperf3 ethtool lvm2 mdadm btrfs-progs xfsprogs e2fsprogs parted gparted smartmontools lm_sensors powertop stellarium
supertux supertuxkart 0ad-game wesnoth freeciv nethack gnuchess xboard dosbox scummvm retroarch calibre keepassxc syncthing-gtk`
)
