// Command crds prints the CustomResourceDefinitions of Karpenter for AWS, and the node class of its KWOK provider.
package main

import (
	"os"

	aws "github.com/aws/karpenter-provider-aws/pkg/apis"
	kwok "sigs.k8s.io/karpenter/kwok/apis"
)

func main() {
	for _, crd := range [][]byte{aws.EC2NodeClassCRD, aws.NodePoolCRD, aws.NodeClaimCRD, aws.NodeOverlayCRD, kwok.KWOKNodeClassCRD} {
		os.Stdout.WriteString("---\n")
		os.Stdout.Write(crd)
	}
}
