// Counts the links of an HTML page: those to the page's own site and those to others.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/net/html"
)

func main() {
	tokens := html.NewTokenizer(os.Stdin)
	internal, external := 0, 0
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		token := tokens.Token()
		if kind != html.StartTagToken || token.Data != "a" {
			continue
		}
		for _, attribute := range token.Attr {
			if attribute.Key == "href" && strings.HasPrefix(attribute.Val, "http") {
				external++
			} else if attribute.Key == "href" {
				internal++
			}
		}
	}
	fmt.Printf("internal=%d external=%d\n", internal, external)
}
