#!/usr/bin/env bash
# Copies the files needed at run time from a built tree, to the paths that it was built for.
# shellcheck source-path=SCRIPTDIR/../scripts source=lib.sh
. "$(dirname "$0")/../scripts/lib.sh"

if [ $# -ne 1 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
  echo "usage: docker/collect.sh FOLDER
Copies the program, its page, the models and the OpenVINO libraries that it uses into FOLDER, under the path of this
tree, and strips the program. The tree must be built (scripts/setup.sh)."
  [ $# -eq 1 ] || exit 1
  exit 0
fi
destination=$1$PWD
[ -x build/release/classifier ] || die "the program is not built: run scripts/setup.sh"
site=$(echo "$VENV"/lib/python3*/site-packages)

# The CPU plugin and the readers of model formats; not those of other devices, languages and formats.
libraries=(libopenvino.so.* libopenvino_intel_cpu_plugin.so libopenvino_ir_frontend.so.* libopenvino_onnx_frontend.so.*
  libopenvino_tensorflow_lite_frontend.so.* libtbb.so.* libtbbmalloc.so.* libtbbbind_2_5.so.* libhwloc.so.*)
mkdir -p "$destination/build/release" "$destination/dashboard" "$destination/.deps" \
  "$destination/$site/openvino/libs" "$destination/$site/openvino_tokenizers/lib"
for pattern in "${libraries[@]}"; do
  # shellcheck disable=SC2086  # a pattern
  cp -P "$site"/openvino/libs/$pattern "$destination/$site/openvino/libs/"
done
cp "$site/openvino_tokenizers/lib/libopenvino_tokenizers.so" "$destination/$site/openvino_tokenizers/lib/"
strip -o "$destination/build/release/classifier" build/release/classifier
cp -r dashboard/dist "$destination/dashboard/"
cp -r "$DEPS/models" "$destination/$DEPS/"
cp LICENSE NOTICE "$destination/"
chmod -R a+rX "$1"
