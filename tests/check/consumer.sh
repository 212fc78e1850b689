#!/usr/bin/env bash
# Usage: consumer.sh BUILD CMAKE. The library serves a program outside this repository.
#
# It is installed into a fresh prefix, the prefix is moved (so that a path kept from the build would
# show), and one program in C and one in C++ are built against it through the CMake package and
# through pkg-config, and run. So is one with a compiled model: through the CMake package, which
# makes it again only when its source has changed, and by the Makefile of the how-to. The headers
# alone also compile as strict C11 and C++17.
set -euo pipefail
build=$(cd "${1:?"usage: consumer.sh BUILD CMAKE"}" && pwd)
cmake=${2:-cmake}
cd "$(dirname "${BASH_SOURCE[0]}")/consumer"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$cmake" --install "$build" --prefix "$scratch/first" >/dev/null
mv "$scratch/first" "$scratch/prefix"
prefix=$scratch/prefix

headers=$(cd "$prefix/include" && find . -type f | sort | tr '\n' ' ')
expected="./eddy.h ./eddy_language.h ./eddy_nn.h "
[[ $headers == "$expected" ]] || { echo "installed headers: $headers" && exit 1; }

echo "the headers alone"
strict=(-Wall -Wextra -pedantic -Werror -fsyntax-only -I "$prefix/include")
for header in eddy.h eddy_language.h eddy_nn.h; do
    printf '#include <%s>\n' "$header" | gcc -std=c11 "${strict[@]}" -xc -
    printf '#include <%s>\n' "$header" | g++ -std=c++17 "${strict[@]}" -xc++ -
done

echo "through the CMake package"
"$cmake" -S . -B "$scratch/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ >/dev/null
"$cmake" --build "$scratch/build" >/dev/null
grep -q "^eddy_DIR:PATH=$prefix/" "$scratch/build/CMakeCache.txt"
version=$("$scratch/build/consumer_c")
[[ $version == "$("$scratch/build/consumer_cxx")" ]]

echo "a model through the CMake package"
[[ $("$scratch/build/consumer_model") == 0.932 ]]
grep -q ' mgu_train_step(' "$scratch/build/mgu.model/mgu.h"
grep -q '^ "flush": true,$' "$scratch/build/mgu.model/mgu.json"
[[ -z $(readelf -d "$scratch/build/consumer_model" | grep NEEDED | grep -v 'libc\.so') ]]
"$cmake" --build "$scratch/build" | grep -q 'no work to do'
cp -r . "$scratch/copy"
"$cmake" -S "$scratch/copy" -B "$scratch/again" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
"$cmake" --build "$scratch/again" >/dev/null
sed -i 's/tanh/0.5*tanh/' "$scratch/copy/mgu.eddy"
"$cmake" --build "$scratch/again" >/dev/null
[[ $("$scratch/again/consumer_model") == 0.466 ]]

echo "through pkg-config"
library=$(dirname "$(find "$prefix" -name libeddy.so)")
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library
read -ra flags <<<"$(pkg-config --cflags --libs eddy)"
gcc -std=c11 main.c -o "$scratch/plain_c" "${flags[@]}"
g++ -std=c++17 main.cpp -o "$scratch/plain_cxx" "${flags[@]}"
[[ $version == "$("$scratch/plain_c")" ]]
[[ $version == "$("$scratch/plain_cxx")" ]]
[[ $version == "$(pkg-config --modversion eddy)" ]]

echo "a model by the Makefile of the how-to"
page=../../../docs/howto/compile-ahead-of-time.md
awk '/^```make$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$page" >"$scratch/Makefile"
cp mgu.eddy "$scratch"
cp model.c "$scratch/app.c"
make -C "$scratch" -s CC=gcc >/dev/null
[[ $("$scratch/app") == 0.932 ]]
echo "eddy $version: built and run seven times"
