package pages

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
)

var (
	//go:embed static/koschei.css
	style string
	//go:embed static/icon.svg
	icon string
)

// stylePath names the style sheet by its content, so that it may be kept for
// ever and is fetched anew when it has changed.
func stylePath() string {
	sum := sha256.Sum256([]byte(style))
	return "/static/koschei." + hex.EncodeToString(sum[:6]) + ".css"
}

const forEver = "public, max-age=31536000, immutable"

// Static serves the style sheet and the icon.
func (s *Site) Static(w http.ResponseWriter, r *http.Request) error {
	switch r.URL.Path {
	case stylePath():
		w.Header().Set("Cache-Control", forEver)
		return asset(w, "text/css; charset=utf-8", style)
	case "/static/icon.svg":
		w.Header().Set("Cache-Control", "public, max-age=86400")
		return asset(w, "image/svg+xml", icon)
	}
	return noSuchPage()
}

func asset(w http.ResponseWriter, contentType, text string) error {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write([]byte(text)) // the reader has gone: nobody to tell
	return nil
}
