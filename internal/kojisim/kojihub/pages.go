package kojihub

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

func serveBytes(rw http.ResponseWriter, req *http.Request, kind string, content []byte) {
	rw.Header().Set("Content-Type", kind)
	http.ServeContent(rw, req, "", time.Time{}, bytes.NewReader(content))
}

// notFound answers as Apache does.
func notFound(rw http.ResponseWriter, req *http.Request) {
	htmlError(rw, http.StatusNotFound, "Not Found", "The requested URL was not found on this server.")
	_ = req.Body.Close()
}

// htmlError answers with one of Apache's error pages.
func htmlError(rw http.ResponseWriter, status int, title, text string) {
	rw.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>"+
		strconv.Itoa(status)+" "+title+"</title>\n</head><body>\n<h1>"+title+"</h1>\n<p>"+text+"</p>\n</body></html>\n")
}

func plain(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, text)
}
