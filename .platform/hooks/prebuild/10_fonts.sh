#!/usr/bin/env bash
# A font with Chinese, Japanese and Korean letters, for subtitles that are drawn into the picture: the worker tier's.
# Without it a deploy goes on: such subtitles are tracks then, and the report says font_missing.
set -euo pipefail

fonts=(fontconfig google-noto-sans-cjk-sc-fonts)
if [ "${ONEVOICE_TIER:-}" != "worker" ] || rpm --quiet -q "${fonts[@]}"; then
    exit 0
fi
dnf install -y --setopt=install_weak_deps=False "${fonts[@]}" ||
    echo "${fonts[*]} could not be installed: subtitles in Chinese, Japanese and Korean will not be drawn" >&2
