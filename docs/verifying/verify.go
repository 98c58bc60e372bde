// Checks that a notification comes from Open Connectors. Needs nothing but Go 1.18.
//
// SIGNATURE_KEY=... go run verify.go standard ID TIMESTAMP SIGNATURE [NOW] < body
// SIGNATURE_KEY=... go run verify.go elements SIGNATURE < body
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * 60 // seconds

func sign(key []byte, signed ...[]byte) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range signed {
		mac.Write(part)
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// keyBytes: a key of the Standard Webhooks specification is base64 after `whsec_`, else text.
func keyBytes(key string) ([]byte, error) {
	rest, isBase64 := strings.TrimPrefix(key, "whsec_"), strings.HasPrefix(key, "whsec_")
	if !isBase64 {
		return []byte(key), nil
	}
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "="))
}

// verify checks the headers webhook-id, webhook-timestamp and webhook-signature.
func verify(key, id, timestamp, signatures string, body []byte, now int64) bool {
	seconds, err := strconv.ParseUint(timestamp, 10, 62)
	if err != nil || now-int64(seconds) > tolerance || int64(seconds)-now > tolerance {
		return false
	}
	bytes, err := keyBytes(key)
	if err != nil {
		return false
	}
	expected := "v1," + sign(bytes, []byte(id+"."+timestamp+"."), body)
	genuine := false
	// While keys are rotated there are two signatures, and one of them is ours.
	for _, one := range strings.Split(signatures, " ") {
		genuine = hmac.Equal([]byte(expected), []byte(one)) || genuine
	}
	return genuine
}

// verifyElements checks the header Elements-Webhook-Signature, whose key is the text as it is.
func verifyElements(key, signature string, body []byte) bool {
	return hmac.Equal([]byte("sha256="+sign([]byte(key), body)), []byte(signature))
}

func main() {
	key, words := os.Getenv("SIGNATURE_KEY"), os.Args[1:]
	body, err := io.ReadAll(os.Stdin)
	if err != nil || len(words) < 2 || (words[0] == "standard" && len(words) < 4) {
		fmt.Fprintln(os.Stderr, "standard ID TIMESTAMP SIGNATURE [NOW], or elements SIGNATURE, was expected")
		os.Exit(2)
	}
	genuine := false
	if words[0] == "elements" {
		genuine = verifyElements(key, words[1], body)
	} else {
		now := time.Now().Unix()
		if len(words) > 4 {
			now, _ = strconv.ParseInt(words[4], 10, 64)
		}
		genuine = verify(key, words[1], words[2], words[3], body, now)
	}
	if !genuine {
		fmt.Println("refused")
		os.Exit(1)
	}
	fmt.Println("genuine")
}
